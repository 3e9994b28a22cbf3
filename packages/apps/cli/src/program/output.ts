import { styleText } from "node:util";
import type { TextOutput } from "./io.ts";

export const OUTPUT_FORMATS = ["table", "json", "ndjson"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Whether to colour: on a terminal, unless NO_COLOR is set (https://no-color.org). */
export function wantsColor(
  output: TextOutput,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return output.isTty && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

type Style = Parameters<typeof styleText>[0];

/** Colours a text if colour is wanted. */
export function paint(style: Style, text: string, color: boolean): string {
  // Whether it is a terminal was decided by the caller; styleText would look at the process's own stdout.
  return color ? styleText(style, text, { validateStream: false }) : text;
}

/** Controls, ends of lines, and what turns the direction of writing (Unicode UAX #9), by which one name could look like another. */
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text from records may hold anything; on a terminal, control characters could move the cursor or worse. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, "\uFFFD");
}

/** 1, "record" → "1 record"; 2 000, "record" → "2 000 records" */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** 12345.6 → "12 346" */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, " ");
}
