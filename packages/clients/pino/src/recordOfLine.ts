import { ExactNumber } from "@annals/client";
import type { AuditRecord } from "@annals/client";

/** Fields of a record that a line may have under the same name. */
const FIELDS = [
  "actor",
  "action",
  "targets",
  "outcome",
  "tenant",
  "context",
  "changes",
  "attachments",
  "id",
] as const;

/**
 * The record of a line as pino writes it; undefined for a line that names no action, or no actor although there is no default one: it is
 * an ordinary log line. What is no field of a record, `msg` and `level` among it, is kept under `data`,
 * and so is a time that is not understood.
 */
export function recordOfLine(
  line: Readonly<Record<string, unknown>>,
  defaultActor: AuditRecord["actor"] | undefined,
): AuditRecord | undefined {
  const { time, data, ...rest } = line;
  const fields: Record<string, unknown> = {};
  const others: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    const known = FIELDS.some((field) => field === name);
    (known ? fields : others)[name] = value;
  }
  fields["actor"] ??= defaultActor;
  if (fields["actor"] === undefined || fields["action"] === undefined) return undefined;
  const stamp = timeOf(time);
  // What is not understood stays as it was.
  if (stamp === undefined && time !== undefined) others["time"] = time;
  return {
    ...fields,
    ...(stamp === undefined ? {} : { time: stamp }),
    data: dataOf(others, data),
    // Judged by the writer, as the server judges it.
  } as AuditRecord;
}

/** The line's own `data`, and its other fields beside it; those of the same name go together under `line`. */
function dataOf(others: Readonly<Record<string, unknown>>, data: unknown): Record<string, unknown> {
  const own = isMap(data) ? data : data === undefined ? {} : { data };
  const taken = Object.entries(others).filter(([name]) => Object.hasOwn(own, name));
  if (taken.length === 0) return { ...others, ...own };
  let place = "line";
  while (Object.hasOwn(own, place) || Object.hasOwn(others, place)) place += "_";
  return { ...others, ...own, [place]: Object.fromEntries(taken) };
}

/** From here on, in ms since 1970, a count is one of microseconds, then of nanoseconds; below the first, one of seconds. */
const [SECONDS_BELOW, MICROS_FROM, NANOS_FROM] = [1e11, 1e14, 1e17];

/**
 * A time as RFC 3339: pino's clocks count milliseconds or seconds, or write a text; others count finer. Between the years 1973 and 5138 the
 * number itself tells its unit. Undefined for what is no such time.
 */
function timeOf(time: unknown): string | undefined {
  if (typeof time === "string") return TIME.test(time) ? time : undefined;
  const count = time instanceof ExactNumber ? Number(time.text) : time;
  if (typeof count !== "number" || !(count >= 0)) return undefined;
  const ms = count < SECONDS_BELOW ? count * 1000 : count / divisorOf(count);
  return ms < TIME_MAX_MS ? new Date(ms).toISOString() : undefined;
}

function divisorOf(count: number): number {
  if (count < MICROS_FROM) return 1;
  return count < NANOS_FROM ? 1000 : 1_000_000;
}

const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
/** The last time that RFC 3339 can write. */
const TIME_MAX_MS = Date.UTC(10_000, 0);

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
