import { recordText } from "@annals/client";
import type { StoredRecord } from "@annals/client";
import type { CliContext } from "../program/context.ts";
import { printable } from "../program/output.ts";
import { Table } from "../program/table.ts";
import type { OutputFormat } from "../program/output.ts";
import type { Column } from "../program/table.ts";

const COLUMNS: readonly Column<StoredRecord>[] = [
  { title: "SEQ", value: ({ seq }) => String(seq), align: "right" },
  { title: "RECORDED", value: ({ recordedAt }) => recordedAt, short: shortTime },
  { title: "ACTOR", value: ({ actor }) => actor.id },
  { title: "ACTION", value: ({ action }) => action },
  { title: "TARGETS", value: targetsOf },
  { title: "OUTCOME", value: ({ outcome }) => outcome ?? "" },
];

/** 2026-11-30T21:19:58.231Z → 11-30 21:19:58 */
function shortTime({ recordedAt }: StoredRecord): string {
  return recordedAt
    .replace(/^\d{4}-/, "")
    .replace("T", " ")
    .replace(/\.\d+Z$/, "");
}

function targetsOf({ targets }: StoredRecord): string {
  const [first, ...rest] = targets ?? [];
  if (first === undefined) return "";
  return rest.length === 0 ? first.id : `${first.id} +${rest.length}`;
}

/** Records that come one after the other, as rows of one table or as lines of JSON. */
export class RecordRows {
  readonly #context: CliContext;
  readonly #isTable: boolean;
  readonly #table: Table<StoredRecord>;

  constructor(context: CliContext, format: OutputFormat) {
    this.#context = context;
    this.#isTable = format === "table";
    this.#table = new Table(COLUMNS, context.look);
  }

  /** Rows below the titles, which come once. */
  async page(records: readonly StoredRecord[]): Promise<void> {
    if (this.#isTable) await this.#context.print(this.#table.page(records));
    else await this.#printJson(records);
  }

  /** Rows without titles, for streams. */
  async lines(records: readonly StoredRecord[]): Promise<void> {
    if (this.#isTable) await this.#context.print(this.#table.lines(records));
    else await this.#printJson(records);
  }

  async #printJson(records: readonly StoredRecord[]): Promise<void> {
    for (const record of records) await this.#context.print(`${recordText(record)}\n`);
  }
}

/** Every field of one record. */
export async function printRecord(
  context: CliContext,
  record: StoredRecord,
  format: OutputFormat,
): Promise<void> {
  if (format === "ndjson") return context.print(`${recordText(record)}\n`);
  if (format === "json") return context.printJson(record);
  const rows = Object.entries(record).map(([name, value]) => ({
    name,
    text: typeof value === "string" ? value : JSON.stringify(value),
  }));
  const width = Math.max(...rows.map(({ name }) => name.length));
  const lines = rows.map(({ name, text }) => `${name.padEnd(width)}  ${printable(text)}`);
  return context.print(`${lines.join("\n")}\n`);
}
