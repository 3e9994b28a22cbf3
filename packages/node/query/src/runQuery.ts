import { PAGE_BYTES_MAX } from "@annals/flow";
import type { ReadQuery, ReadReply } from "./readQuery.ts";
import { batchHolding, holds } from "./batchHolding.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { renderPage } from "./page.ts";
import type { Page } from "./page.ts";
import { pageBody } from "./pageBody.ts";
import type { PageBody } from "./pageBody.ts";
import { RecordFilter } from "./recordFilter.ts";
import type { BatchSlice, RecordCodec, RecordSource } from "./recordSource.ts";
import { firstSeqSince } from "./timeIndex.ts";

/** What one query may cost. At each cap the query answers what it has, with the range covered and a cursor. */
export interface QueryBudget {
  /** Records looked at. */
  readonly maxScanned: number;
  /** Bytes of the answer; one larger record is still answered alone. */
  readonly maxAnswerLength: number;
  /** Milliseconds of work after which other work of the thread comes first. */
  readonly yieldAfterMs: number;
}

export const QUERY_BUDGET: QueryBudget = {
  maxScanned: 200_000,
  maxAnswerLength: PAGE_BYTES_MAX,
  yieldAfterMs: 5,
};

export interface QueryContext {
  readonly log: string;
  readonly source: RecordSource;
  readonly codec: RecordCodec;
  readonly budget: QueryBudget;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Resolves when other work of the thread had its turn. */
  readonly giveWay: () => Promise<void>;
}

/** The seqs still to look at, both included, in the direction of the query. Empty if low > high. */
interface Range {
  readonly low: number;
  readonly high: number;
}

/** Where a scan ended: everything before `next`, in its direction, was looked at. */
interface Scan {
  readonly found: PageBody;
  readonly next: number;
  /** Ended because of the limit or the budget. */
  readonly cut: boolean;
}

/** Answers one page. A function of the source and the query alone. */
export async function runQuery(query: ReadQuery, context: QueryContext): Promise<ReadReply> {
  return renderPage(await queryPage(query, context));
}

/** The page before it is rendered. */
export async function queryPage(query: ReadQuery, context: QueryContext): Promise<Page> {
  const { source } = context;
  const asked = askedRange(query, context);
  // Times narrow the range by bisection; what they exclude counts as covered, since nothing in it can match.
  const timed = timedRange(query, source, asked);
  const scan = await scanRange(query, context, timed.range);
  return query.order === "asc"
    ? ascendingPage(query, context, asked, timed, scan)
    : descendingPage(query, context, asked, scan);
}

function askedRange(query: ReadQuery, context: QueryContext): Range {
  const { source, log } = context;
  const at = query.cursor === undefined ? undefined : decodeCursor(log, query, query.cursor);
  const low = Math.max(query.from ?? 1, source.firstSeq);
  const high = Math.min(query.to ?? source.lastSeq, source.lastSeq);
  if (at === undefined) return { low, high };
  return query.order === "asc"
    ? { low: Math.max(low, at), high }
    : { low, high: Math.min(high, at) };
}

function timedRange(
  query: ReadQuery,
  source: RecordSource,
  asked: Range,
): { readonly range: Range; readonly untilPassed: boolean } {
  let { low, high } = asked;
  let untilPassed = false;
  if (query.since !== undefined && low <= high) {
    low = Math.max(low, firstSeqSince(source, query.since, low, high));
  }
  if (query.until !== undefined && low <= high) {
    const end = firstSeqSince(source, query.until, low, high);
    untilPassed = end <= high;
    high = end - 1;
  }
  return { range: { low, high }, untilPassed };
}

async function scanRange(query: ReadQuery, context: QueryContext, range: Range): Promise<Scan> {
  const { source, codec, budget, now, giveWay } = context;
  const found = pageBody(query.format, new RecordFilter(query, codec), codec);
  const maxLength = Math.min(query.maxLength ?? budget.maxAnswerLength, budget.maxAnswerLength);
  const step = query.order === "asc" ? 1 : -1;
  let batch: BatchSlice | undefined;
  let scanned = 0;
  let turnStart = now();
  let seq = step > 0 ? range.low : range.high;
  for (; seq >= range.low && seq <= range.high; seq += step) {
    if (found.count >= query.limit || scanned >= budget.maxScanned) break;
    // Looking at the clock costs more than at a record.
    if ((scanned & 63) === 0 && now() - turnStart >= budget.yieldAfterMs) {
      await giveWay();
      turnStart = now();
    }
    scanned++;
    if (batch === undefined || !holds(batch, seq)) {
      batch?.letGo?.();
      batch = batchHolding(source, seq);
    }
    const { firstSeq, recordedAt } = batch.header;
    if (!found.add(seq, recordedAt, batch.record(seq - firstSeq), maxLength)) break;
  }
  batch?.letGo?.();
  return { found, next: seq, cut: seq >= range.low && seq <= range.high };
}

function ascendingPage(
  query: ReadQuery,
  context: QueryContext,
  asked: Range,
  timed: { readonly untilPassed: boolean },
  scan: Scan,
): Page {
  const end = scan.cut ? scan.next - 1 : Math.max(asked.high, asked.low - 1);
  const done = !scan.cut && ((query.to !== undefined && end >= query.to) || timed.untilPassed);
  return {
    found: scan.found,
    covered: { from: asked.low, to: end },
    // Present at the end of the log, too: more may come.
    next: done ? undefined : encodeCursor(context.log, query, end + 1),
    more: scan.cut,
  };
}

function descendingPage(query: ReadQuery, context: QueryContext, asked: Range, scan: Scan): Page {
  return {
    found: scan.found,
    covered: { from: scan.cut ? scan.next + 1 : asked.low, to: asked.high },
    next: scan.cut ? encodeCursor(context.log, query, scan.next) : undefined,
    more: scan.cut,
  };
}
