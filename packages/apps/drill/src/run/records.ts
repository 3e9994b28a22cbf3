const LETTER_A = 0x61;
const LETTERS = 26;

/** The part of a record that tells it back: its stream, its serial there, and padding that differs from its neighbours'. */
function dataText(stream: string, serial: number, padding: number): string {
  const letter = String.fromCodePoint(LETTER_A + (serial % LETTERS));
  return `"data":{"s":"${stream}","n":${serial},"p":"${letter.repeat(padding)}"}`;
}

const HEAD = `{"actor":{"id":"drill"},"action":"drill.record",`;

function paddingOf(stream: string, serial: number, bytes: number): number {
  return Math.max(0, bytes - HEAD.length - dataText(stream, serial, 0).length - 1);
}

/** A record of a stream as JSON, of exactly so many bytes unless that is less than it takes. Streams have names of letters and dashes. */
export function recordText(stream: string, serial: number, bytes: number, extra = ""): string {
  const data = dataText(stream, serial, paddingOf(stream, serial, bytes));
  return `${HEAD}${extra}${data}}`;
}

/** Whether a stored record, as a node shows it, holds what was appended. */
export function holds(line: string, stream: string, serial: number, bytes: number): boolean {
  return line.includes(dataText(stream, serial, paddingOf(stream, serial, bytes)));
}

/** The stream and serial of a stored record; undefined for somebody else's. */
export function identityOf(
  line: string,
): { readonly stream: string; readonly serial: number } | undefined {
  const match = /"data":\{"s":"([^"]+)","n":(\d+),/.exec(line);
  if (match === null) return undefined;
  return { stream: match[1] ?? "", serial: Number(match[2]) };
}
