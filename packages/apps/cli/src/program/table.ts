import { paint, printable } from "./output.ts";
import { columnsOf, cutTo, padTo } from "./textWidth.ts";

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** A shorter form, for terminals in which the whole row has no room. */
  readonly short?: (row: Row) => string;
  /** Numbers: a part of one would be another one, so they are never cut. */
  readonly align?: "right";
}

/** How a table is drawn where it goes to. */
export interface TableLook {
  readonly color: boolean;
  /** Columns of the terminal; Infinity in a pipe or a file, where nothing is cut. */
  readonly width: number;
}

/** Spaces up to which a column is filled: one long cell does not push away all others. */
const FILLED_COLUMNS_MAX = 60;
/** Below this a cut cell says nothing. */
const CUT_COLUMNS_MIN = 5;
const GAP = "  ";

/** A table that is printed part by part: each part is as wide as the widest cells up to it. */
export class Table<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #look: TableLook;
  #whole: readonly number[];
  #short: readonly number[];
  #hasHead = false;

  constructor(columns: readonly Column<Row>[], look: TableLook) {
    this.#columns = columns;
    this.#look = look;
    this.#whole = columns.map(({ title }) => columnsOf(title));
    this.#short = this.#whole;
  }

  /** The rows, each a line; before the first ones the titles. */
  page(rows: readonly Row[]): string {
    const lines = this.#layOut(rows);
    if (this.#hasHead) return lines.body;
    this.#hasHead = true;
    return `${paint("bold", lines.head, this.#look.color)}\n${lines.body}`;
  }

  /** The rows without titles. */
  lines(rows: readonly Row[]): string {
    return this.#layOut(rows).body;
  }

  #layOut(rows: readonly Row[]): { readonly head: string; readonly body: string } {
    const whole = rows.map((row) => this.#columns.map(({ value }) => printable(value(row))));
    const short = rows.map((row) =>
      this.#columns.map(({ value, short: brief }) => printable((brief ?? value)(row))),
    );
    this.#whole = widest(this.#whole, whole);
    this.#short = widest(this.#short, short);
    const fits = total(this.#whole) <= this.#look.width;
    const widths = fits ? this.#whole : this.#narrowed(this.#short);
    const line = (cells: readonly string[]): string => this.#line(cells, widths);
    return {
      head: line(this.#columns.map(({ title }) => title)),
      body: (fits ? whole : short).map((cells) => `${line(cells)}\n`).join(""),
    };
  }

  /** Takes from the widest column of text again and again, until the row fits or nothing is left to take. */
  #narrowed(natural: readonly number[]): readonly number[] {
    const widths = [...natural];
    for (let excess = total(widths) - this.#look.width; excess > 0; excess--) {
      let widest = -1;
      for (const [k, width] of widths.entries()) {
        if (this.#columns[k]?.align === "right" || width <= CUT_COLUMNS_MIN) continue;
        if (width > (widths[widest] ?? 0)) widest = k;
      }
      if (widest < 0) break;
      widths[widest] = (widths[widest] ?? 0) - 1;
    }
    return widths;
  }

  #line(cells: readonly string[], widths: readonly number[]): string {
    const { width } = this.#look;
    const texts = cells.map((text, k) => {
      const columns = widths[k] ?? 0;
      const isNumber = this.#columns[k]?.align === "right";
      const shown = width === Infinity || isNumber ? text : cutTo(text, columns);
      return padTo(shown, columns, isNumber ? "right" : "left");
    });
    return cutTo(texts.join(GAP).trimEnd(), width);
  }
}

function widest(
  before: readonly number[],
  rows: readonly (readonly string[])[],
): readonly number[] {
  return before.map((width, k) =>
    Math.min(
      FILLED_COLUMNS_MAX,
      rows.reduce((most, cells) => Math.max(most, columnsOf(cells[k] ?? "")), width),
    ),
  );
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1);
}

/** A whole table. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  look: TableLook,
): string {
  return new Table(columns, look).page(rows);
}
