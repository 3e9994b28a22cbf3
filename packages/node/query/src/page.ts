import type { PageBody, PageFrame } from "./pageBody.ts";
import type { ReadReply } from "./readQuery.ts";

/** What one query found: records in the form that was asked for, and what can be said about the range. See `ReadReply`. */
export interface Page extends PageFrame {
  readonly found: PageBody;
}

/** Builds the bytes of an answer, once. */
export function renderPage({ found, ...frame }: Page): ReadReply {
  return { ...found.render(frame), count: found.count, ...frame };
}
