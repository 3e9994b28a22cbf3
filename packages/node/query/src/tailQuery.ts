import type { ReadQuery, ReadReply } from "./readQuery.ts";
import { renderPage } from "./page.ts";
import type { RecordSource } from "./recordSource.ts";
import { queryPage } from "./runQuery.ts";
import type { QueryContext } from "./runQuery.ts";

export interface TailContext extends Omit<QueryContext, "source"> {
  /** The source as it is now. */
  readonly open: () => RecordSource;
  /** Resolves when `seq` can be read or the time is over. */
  readonly waitForSeq: (seq: number, timeoutMs: number) => Promise<void>;
  /** Runs the building of one page when it is its turn; by default at once. */
  readonly build?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Hands the page on, still within `build`; settles when it has left. */
  readonly handOver?: (page: ReadReply) => Promise<void>;
}

/**
 * Answers one page; when it is empty, waits up to `query.waitMs` for a first record that matches. The answer covers everything that was
 * looked at while waiting.
 */
export async function runTailQuery(query: ReadQuery, context: TailContext): Promise<ReadReply> {
  const deadlineMs = context.now() + query.waitMs;
  let from: number | undefined;
  let cursor = query.cursor;
  const build: NonNullable<TailContext["build"]> = context.build ?? ((work) => work());
  for (;;) {
    const start = from;
    const built = await build(async () => {
      const page = await queryPage({ ...query, cursor }, { ...context, source: context.open() });
      const covered = { from: start ?? page.covered.from, to: page.covered.to };
      const over = context.now() >= deadlineMs;
      // With `more` there is work left that waits for nobody: the client comes back with the cursor.
      const ready = page.found.count > 0 || page.more || over;
      if (!ready && page.next !== undefined)
        return { kind: "empty" as const, covered, next: page.next };
      const reply = renderPage({ ...page, covered });
      await context.handOver?.(reply);
      return { kind: "reply" as const, reply };
    });
    if (built.kind === "reply") return built.reply;
    from = built.covered.from;
    cursor = built.next;
    await context.waitForSeq(built.covered.to + 1, deadlineMs - context.now());
  }
}
