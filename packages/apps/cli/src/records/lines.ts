import { CliError } from "../program/cliError.ts";

const LINE_BYTES_MAX = 16 << 20;

/** Lines of a byte stream, without their line ends. A line is at most 16 MiB: more than any record may have. */
export async function* readLines(
  input: AsyncIterable<Uint8Array | string>,
): AsyncGenerator<Uint8Array, void> {
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  for await (const chunk of input) {
    const part = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
    let start = 0;
    for (let end = part.indexOf(0x0a); end >= 0; end = part.indexOf(0x0a, start)) {
      rest.push(part.subarray(start, end));
      yield oneLine(rest);
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    restBytes += part.length - start;
    if (restBytes > LINE_BYTES_MAX) {
      throw new CliError("ERR_LINE_TOO_LONG", `a line is longer than ${LINE_BYTES_MAX} bytes`);
    }
    if (start < part.length) rest.push(part.subarray(start));
  }
  if (rest.length > 0) yield oneLine(rest);
}

function oneLine(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  const line = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}
