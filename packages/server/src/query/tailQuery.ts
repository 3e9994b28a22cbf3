import type { ReadQuery, ReadReply } from "../service.ts";
import { renderPage } from "./page.ts";
import type { RecordSource } from "./recordSource.ts";
import { queryPage } from "./runQuery.ts";
import type { QueryContext } from "./runQuery.ts";

export interface TailContext extends Omit<QueryContext, "source"> {
  /** The source as it is now. */
  readonly open: () => RecordSource;
  /** Resolves when `seq` can be read or the time is over. */
  readonly waitForSeq: (seq: number, timeoutMs: number) => Promise<void>;
}

/**
 * Answers one page; when it is empty, waits up to `query.waitMs` for a first record that matches. The answer covers everything that was
 * looked at while waiting.
 */
export async function runTailQuery(query: ReadQuery, context: TailContext): Promise<ReadReply> {
  const deadlineMs = context.now() + query.waitMs;
  let from: number | undefined;
  let cursor = query.cursor;
  for (;;) {
    const page = await queryPage({ ...query, cursor }, { ...context, source: context.open() });
    from ??= page.covered.from;
    const remainingMs = deadlineMs - context.now();
    // With `more` there is work left that waits for nobody: the client comes back with the cursor.
    if (page.items.length > 0 || page.more || page.next === undefined || remainingMs <= 0) {
      return renderPage(query.format, { ...page, covered: { from, to: page.covered.to } });
    }
    cursor = page.next;
    await context.waitForSeq(page.covered.to + 1, remainingMs);
  }
}
