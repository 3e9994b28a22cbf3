import { CliError, exitCodeOf } from "../program/cliError.ts";
import { firstLine } from "./blockReader.ts";
import { writeDeadLetter } from "./deadLetters.ts";
import type { LineFault } from "./lineFault.ts";
import type { Readable } from "../follow/trail.ts";

/** Where a line is, for people. */
export interface LinePlace {
  readonly file: string;
  readonly line: number;
  readonly byte: number;
}

function placeText({ file, line, byte }: LinePlace): string {
  return `${file}:${line}, byte ${byte}`;
}

/** Keeps a line that the log does not take, durably, and then tells of it. */
export async function keepLetter(
  deadLetters: string,
  place: LinePlace,
  { code, reason, letter }: LineFault,
  note: (text: string) => Promise<void>,
): Promise<void> {
  await writeDeadLetter(deadLetters, { ...place, code, reason, ...letter });
  await note(`annals: ${placeText(place)}: ${reason} (${code}): kept in ${deadLetters}`);
}

/** The end of a command by a line that the log does not take. */
export function faultError(
  place: LinePlace,
  { code, reason, cause }: LineFault,
  hint: string,
): CliError {
  const exitCode = cause === undefined ? {} : { exitCode: exitCodeOf(cause) };
  return new CliError(code, `${placeText(place)}: ${reason}`, { ...exitCode, hint, cause });
}

/** By what a file begins with that holds no JSON lines: what makes some of it. */
const FORMS: readonly (readonly [form: RegExp, what: string, command: string])[] = [
  [/^\uFEFF?\s*\[/, "a JSON array", "jq -c '.[]' FILE"],
  [/^\uFEFF?\s*\{\s*"Records"\s*:\s*\[/, "one object with all records", "jq -c '.Records[]' FILE"],
  [/^\uFEFF?\s*\{\s*$/, "JSON over several lines", "jq -c . FILE"],
];

/**
 * What a file is, from its first bytes, that holds no JSON lines, and the command that makes some
 * of it.
 */
function foreignForm(first: Uint8Array): { what: string; command: string } | undefined {
  const [a, b] = first;
  const marked = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  if (marked || (first.length >= 2 && (a === 0) !== (b === 0)))
    return { what: "UTF-16", command: "iconv -f UTF-16 -t UTF-8 FILE" };
  const line = firstLine(first).replace(/\r$/, "");
  const found = FORMS.find(([form]) => form.test(line));
  return found === undefined ? undefined : { what: found[1], command: found[2] };
}

const FORM_BYTES = 4096;

export async function formOf(
  content: Readable,
): Promise<{ what: string; command: string } | undefined> {
  return foreignForm(await content.read(0, FORM_BYTES));
}
