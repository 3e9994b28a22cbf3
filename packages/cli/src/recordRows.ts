import { recordText } from "@annals/client";
import type { StoredRecord } from "@annals/client";
import type { CliContext } from "./context.ts";
import { printable, renderTable } from "./output.ts";
import type { Column, OutputFormat } from "./output.ts";

const COLUMNS: readonly Column<StoredRecord>[] = [
  { title: "SEQ", value: ({ seq }) => String(seq), align: "right" },
  { title: "RECORDED", value: ({ recordedAt }) => recordedAt },
  { title: "ACTOR", value: ({ actor }) => actor.id },
  { title: "ACTION", value: ({ action }) => action },
  { title: "TARGETS", value: targetsOf },
  { title: "OUTCOME", value: ({ outcome }) => outcome ?? "" },
];

function targetsOf({ targets }: StoredRecord): string {
  const [first, ...rest] = targets ?? [];
  if (first === undefined) return "";
  return rest.length === 0 ? first.id : `${first.id} +${rest.length}`;
}

export function recordTable(records: readonly StoredRecord[], color: boolean): string {
  return renderTable(COLUMNS, records, color);
}

/** One record as it comes, for streams: a line of text, or of JSON. */
export function recordLine(record: StoredRecord, format: OutputFormat): string {
  if (format !== "table") return `${recordText(record)}\n`;
  const [seq = "", recorded = "", actor = "", action = "", targets = "", outcome = ""] =
    COLUMNS.map(({ value }) => printable(value(record)));
  return (
    `${seq.padStart(8)}  ${recorded}  ${actor.padEnd(24)}  ${action.padEnd(16)}  ${targets}  ${outcome}`.trimEnd() +
    "\n"
  );
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
