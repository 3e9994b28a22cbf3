import { parseExactly, stringifyExactly } from "@annals/record";
import type { WideNumbers } from "@annals/record";
import type { StoredRecord } from "./types.ts";

/** For as long as somebody has the record. */
const texts = new WeakMap<StoredRecord, string>();

/**
 * A record as JSON, as the log has it: keys in their order, each number with its digits. An object of JavaScript puts keys that look like
 * positions first. A record that did not come from a log, or is a copy, is stringified.
 */
export function recordText(record: StoredRecord): string {
  return texts.get(record) ?? stringifyExactly(record);
}

/** The records of NDJSON. As one text they are parsed at once. Throws a SyntaxError. */
export function recordsOf(body: string, wideNumbers: WideNumbers): readonly StoredRecord[] {
  if (body === "") return [];
  const lines = body.trimEnd().split("\n");
  const records = parseExactly(`[${lines.join(",")}]`, wideNumbers) as readonly StoredRecord[];
  for (const [position, record] of records.entries()) texts.set(record, lines[position] ?? "");
  return records;
}
