import type { LaneGrant } from "@annals/client";
import type { Chunk, Sink, SinkCursor } from "../sink.ts";
import { callLog, hashAt } from "./calls.ts";
import { checkHistory } from "./history.ts";
import type { LogSource } from "./ports.ts";

/** What a place is taken over with. */
export interface TakeOver<Mutation> {
  /** Name of the sink and what it writes to, for messages. */
  readonly who: string;
  readonly sink: Sink<Mutation>;
  /** Cursor of the place; undefined: it has none yet. */
  readonly stored: SinkCursor | undefined;
  readonly source: LogSource;
  readonly grant: LaneGrant;
  /** See `SinkCursor.scope`. */
  readonly scope: string;
  /** Where a place without a cursor begins: the seq before its first record. */
  readonly start: (grant: LaneGrant, signal: AbortSignal) => Promise<number>;
}

interface Claim<Mutation> {
  /** Stores the owner's token, and writes nothing else. */
  readonly chunk: Chunk<Mutation>;
  /** Last seq of the log. */
  readonly lastSeq: number;
}

/**
 * Checks that a place's stored cursor is one of this log, and makes the transaction that takes it over, which shuts out whoever wrote
 * before. Rejects with a `Failure`, `Fenced`, or the `SinkError` that says why this place cannot go on.
 */
export async function claim<Mutation>(
  { who, sink, stored, source, grant, scope, start }: TakeOver<Mutation>,
  signal: AbortSignal,
): Promise<Claim<Mutation>> {
  const { firstSeq, lastSeq } = await callLog(() => source.range(signal));
  const mark = { settings: sink.settings, epoch: grant.token, scope };
  const hash = (seq: number): Promise<string> => callLog(() => hashAt(source, seq, signal));
  let next: SinkCursor;
  if (stored === undefined) {
    const asked = await callLog(() => start(grant, signal));
    const seq = Math.max(firstSeq - 1, asked);
    const anchor = firstAnchor(sink, grant, seq);
    next = { ...mark, seq, part: 0, recordHash: await hash(seq), anchor };
  } else {
    await checkHistory(stored, { ...mark, who, firstSeq, lastSeq, hashAt: hash });
    next = { ...stored, ...mark };
  }
  return { chunk: { expected: stored, next, mutations: [], records: 0, bytes: 0 }, lastSeq };
}

/** Where the group's position is all that is kept, the record there has arrived, unless the group begins there. */
function firstAnchor(
  { probing }: Pick<Sink<never>, "probing">,
  { position, begin }: LaneGrant,
  seq: number,
): number {
  const isKept = probing === "repeated" && seq === position;
  return isKept && position > begin ? seq : 0;
}
