const ASCII = /^[ -~]*$/;
const WIDE =
  /\p{sc=Han}|\p{sc=Hangul}|\p{sc=Hiragana}|\p{sc=Katakana}|\p{Emoji_Presentation}|[\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6]/u;
const CHARACTERS = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Columns of a terminal that a text takes: two of what East Asian scripts and emoji write, one of every other character. */
export function columnsOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of CHARACTERS.segment(text)) columns += WIDE.test(segment) ? 2 : 1;
  return columns;
}

/** The text in at most so many columns; where something of it is left out, it ends with "…". */
export function cutTo(text: string, columnsMax: number): string {
  if (columnsOf(text) <= columnsMax) return text;
  let kept = "";
  let columns = 1;
  for (const { segment } of CHARACTERS.segment(text)) {
    columns += WIDE.test(segment) ? 2 : 1;
    if (columns > columnsMax) break;
    kept += segment;
  }
  return columnsMax < 1 ? "" : `${kept}…`;
}

/** The text with spaces up to so many columns. */
export function padTo(text: string, columns: number, align: "left" | "right"): string {
  const spaces = " ".repeat(Math.max(0, columns - columnsOf(text)));
  return align === "right" ? spaces + text : text + spaces;
}
