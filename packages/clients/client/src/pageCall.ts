import type { WideNumbers } from "@annals/record";
import type { Call } from "./caller.ts";
import { recordsOf } from "./recordText.ts";
import type { Page, Query } from "./types.ts";

/** The call that asks for one page of the records at `path`, and gives it. */
export function pageCall(
  path: string,
  { waitMs = 0, ...query }: Query,
  wideNumbers: WideNumbers,
): Omit<Call, "log" | "signal"> {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) parameters.set(name, String(value));
  if (waitMs > 0) parameters.set("wait", `${waitMs}ms`);
  return {
    method: "GET",
    path: `${path}?${parameters.toString()}`,
    // One record a line: so each has its own text, and what is said of all of them is in the headers.
    headers: { accept: "application/x-ndjson" },
    repeat: "safe",
    extraMs: waitMs,
    decode: (text, headers) => pageOf(text, headers, wideNumbers),
  };
}

/** Throws a SyntaxError for an answer that is no page. */
function pageOf(text: string, headers: Headers, wideNumbers: WideNumbers): Page {
  const covered = /^(\d+)-(\d+)$/.exec(headers.get("annals-covered") ?? "");
  if (covered === null) throw new SyntaxError("no page of records");
  return {
    items: recordsOf(text, wideNumbers),
    covered: { from: Number(covered[1]), to: Number(covered[2]) },
    next: headers.get("annals-next"),
    more: headers.get("annals-more") === "true",
  };
}
