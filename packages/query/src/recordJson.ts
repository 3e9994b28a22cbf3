/** What JSON cannot hold: binary becomes base64, an integer beyond 2^53 its digits as text. */
function replace(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}

/** One record as it is answered: its place in the log, then what was appended. */
export function recordJson(
  seq: number,
  recordedAt: number,
  record: Readonly<Record<string, unknown>>,
): string {
  // Binary is read back as a Buffer, whose toJSON would run before `replace`; decoders give plain Uint8Arrays.
  return JSON.stringify(
    { seq, recordedAt: new Date(recordedAt).toISOString(), ...record },
    replace,
  );
}
