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
 * an ordinary log line. What is no field of a record, `msg` and `level` among it, is kept under `data`.
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
  return {
    ...fields,
    ...(typeof time === "number" ? { time: new Date(time).toISOString() } : {}),
    data: { ...others, ...(isMap(data) ? data : data === undefined ? {} : { data }) },
    // Judged by the writer, as the server judges it.
  } as AuditRecord;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
