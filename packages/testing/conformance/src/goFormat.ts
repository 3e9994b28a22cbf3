const ESCAPES: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

/** Bytes as Go's `%q` prints them: a quoted string, what is not printable or not UTF-8 escaped. */
export function goQuote(bytes: Uint8Array): string {
  let quoted = '"';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      quoted += hexEscape(bytes[at] ?? 0);
      at += 1;
      continue;
    }
    const char = new TextDecoder().decode(bytes.subarray(at, at + length));
    quoted += quoteChar(char);
    at += length;
  }
  return `${quoted}"`;
}

function quoteChar(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const escape = ESCAPES[code];
  if (escape !== undefined) return escape;
  if (code < 0x20 || code === 0x7f) return hexEscape(code);
  if (code < 0x7f || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(char)) return char;
  return code > 0xffff
    ? `\\U${code.toString(16).padStart(8, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}

function hexEscape(code: number): string {
  return `\\x${code.toString(16).padStart(2, "0")}`;
}

/** Bytes of the UTF-8 sequence at `at`, 0 if there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** Numbers as Go's `%v` prints a slice. */
export function goSlice(values: readonly number[]): string {
  return `[${values.join(" ")}]`;
}
