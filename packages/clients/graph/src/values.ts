import { canonicalJson } from "@annals/sinks";
import type { GraphValue } from "./mutation.ts";
import { GraphError } from "./graphError.ts";

/**
 * What a graph stores for a value of a record: scalars as they are, anything else as JSON with sorted keys, which of a number that no
 * double holds are its digits; null for none.
 */
export function storedValue(value: unknown): GraphValue | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  return canonicalJson(value);
}

/** A time of RFC 3339 in UTC with milliseconds, so that texts compare as times do. A leap second is the one before it. */
export function utcTime(time: string, seq: number): string {
  const at = new Date(time.replace(/:60(?=[.Zz+-])/, ":59"));
  if (Number.isNaN(at.getTime()) || at.getUTCFullYear() < 0 || at.getUTCFullYear() > 9999) {
    throw new GraphError("ERR_GRAPH_RECORD_TIME", "data", `record ${seq}: time ${time}`, {
      details: { seq },
    });
  }
  return at.toISOString();
}
