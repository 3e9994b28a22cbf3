import { styleText } from "node:util";
import type { Sink } from "./io.ts";

export const OUTPUT_FORMATS = ["table", "json", "ndjson"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Whether to colour: on a terminal, unless NO_COLOR is set (https://no-color.org). */
export function wantsColor(sink: Sink, env: Readonly<Record<string, string | undefined>>): boolean {
  return sink.isTty && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

type Style = Parameters<typeof styleText>[0];

/** Colours a text if colour is wanted. */
export function paint(style: Style, text: string, color: boolean): string {
  // Whether it is a terminal was decided by the caller; styleText would look at the process's own stdout.
  return color ? styleText(style, text, { validateStream: false }) : text;
}

const CELL_CHARACTERS_MAX = 60;

/** Controls, ends of lines, and what turns the direction of writing (Unicode UAX #9), by which one name could look like another. */
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text from records may hold anything; on a terminal, control characters could move the cursor or worse. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, "\uFFFD");
}

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: "right";
}

/** A table with columns as wide as their content, cut at 60 characters. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  color: boolean,
): string {
  const cells = rows.map((row) =>
    columns.map(({ value }) => {
      const text = printable(value(row));
      return text.length > CELL_CHARACTERS_MAX
        ? `${text.slice(0, CELL_CHARACTERS_MAX - 1)}…`
        : text;
    }),
  );
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.align === "right" ? text.padStart(width) : text.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  const head = paint("bold", line(columns.map(({ title }) => title)), color);
  return `${[head, ...cells.map(line)].join("\n")}\n`;
}

/** 12345.6 → "12 346" */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, " ");
}
