/**
 * What is said when a file goes on under another name, or was written anew with the same beginning.
 */
export function movedText(before: string, now: string, appended: number): string {
  const at = `it is read on from byte ${appended}`;
  return before === now
    ? `annals: ${now} was replaced by a file that begins as it did: ${at}`
    : `annals: ${before} was truncated, renamed or compressed, and goes on in ${now}: ${at}`;
}

/** What is said when the rest of a file is nowhere. */
export function gapText(gap: {
  readonly path: string;
  /** Whether a file still has the name. */
  readonly isThere: boolean;
  /** Bytes that were seen, are not appended and are nowhere. */
  readonly lost: number;
  readonly appended: number;
}): string {
  const { path, isThere, lost, appended } = gap;
  const what = isThere ? "was truncated or written anew" : "is gone";
  const missing =
    lost > 0
      ? `${lost} bytes that were seen behind it are lost`
      : "what was written behind it since, if anything, is lost";
  return `annals: ${path} ${what}: it is appended up to byte ${appended}, and ${missing}`;
}
