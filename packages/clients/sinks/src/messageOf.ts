/** Deeper causes say nothing that helps. */
const DEPTH_MAX = 5;

/**
 * What went wrong, in one line: the message, its causes as far as they say more, and a code: ours, or that of the innermost one that has
 * one. `fetch failed` alone helps nobody.
 */
export function messageOf(error: unknown): string {
  const parts: string[] = [];
  let code: string | undefined;
  let at: unknown = error;
  for (let depth = 0; at !== undefined && at !== null && depth < DEPTH_MAX; depth++) {
    const { text, next } = lookInto(at);
    if (text !== "" && !parts.some((part) => part.includes(text))) parts.push(text);
    if (code?.startsWith("ERR_") !== true) code = codeOf(at) ?? code;
    at = next;
  }
  const text = parts.join(": ").replaceAll(/\s*\n\s*/g, " ");
  return code === undefined || text.includes(code) ? text : `${text} (${code})`;
}

/** The code of an error: of the system, of a database, or of ours. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

function lookInto(error: unknown): { readonly text: string; readonly next: unknown } {
  if (!(error instanceof Error)) return { text: String(error), next: undefined };
  // Node tries the addresses of a host in turn, and says nothing itself.
  if (error instanceof AggregateError && error.message === "")
    return { text: "", next: error.errors[0] };
  return { text: error.message, next: error.cause };
}
