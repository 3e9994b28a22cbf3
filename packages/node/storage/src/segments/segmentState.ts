/**
 * The one value of the `meta` table: everything about a log that is not in its entries. Rewritten in the transaction of every
 * cycle, so it always agrees with the entries beside it. Layout version 1: `packVersioned`, then a CRC-32.
 */
import { asIndex, asMemberId, asTerm, INDEX_MAX, TERM_MAX } from "@annals/raft";
import type { HardState, LogIndex, MembershipState, Term } from "@annals/raft";
import { asSeq, HASH_BYTES } from "@annals/record";
import type { Seq } from "@annals/record";
import {
  assertVersion,
  MsgpackCursor,
  packMembership,
  packVersioned,
  readMembership,
} from "@annals/wire";
import { sealValue, unsealValue } from "./checkedValue.ts";

const SEGMENT_FORMAT = 1;

/** A place in the log: what comes next must chain to it. */
export interface Head {
  readonly index: LogIndex;
  readonly term: Term;
  readonly hash: Uint8Array;
  /** Seq of the last record up to here. */
  readonly seq: Seq;
}

export interface SegmentState {
  readonly logId: number;
  /** What precedes the segment; its first entry has index `base.index + 1`. */
  readonly base: Head;
  readonly head: Head;
  readonly hardState: HardState;
  readonly appliedIndex: LogIndex;
  /** As of `appliedIndex`. */
  readonly membership: MembershipState;
}

export const STATE_KEY: Uint8Array = Buffer.from("state");

export function encodeSegmentState(state: SegmentState): Uint8Array {
  const { base, head, hardState } = state;
  return sealValue(
    packVersioned(SEGMENT_FORMAT, [
      state.logId,
      [base.index, base.term, base.hash, base.seq],
      [head.index, head.term, head.hash, head.seq],
      [hardState.term, hardState.votedFor, hardState.commitIndex],
      state.appliedIndex,
      packMembership(state.membership),
    ]),
    STATE_KEY,
  );
}

/** Undefined when the checksum does not match; throws a `WireError` on another format. */
export function decodeSegmentState(bytes: Uint8Array): SegmentState | undefined {
  const payload = unsealValue(bytes, STATE_KEY);
  if (payload === undefined) return undefined;
  assertVersion(payload, SEGMENT_FORMAT, "segment state");
  const cursor = new MsgpackCursor(payload, 1);
  cursor.tuple("segment state", 6);
  const logId = cursor.uint("logId");
  const base = readHead(cursor);
  const head = readHead(cursor);
  cursor.tuple("hard state", 3);
  const hardState: HardState = {
    term: asTerm(cursor.uint("term", TERM_MAX)),
    votedFor: asMemberId(cursor.uint("votedFor")),
    commitIndex: asIndex(cursor.uint("commitIndex", INDEX_MAX)),
  };
  const appliedIndex = asIndex(cursor.uint("appliedIndex", INDEX_MAX));
  const membership = readMembership(cursor);
  cursor.end();
  return { logId, base, head, hardState, appliedIndex, membership };
}

function readHead(cursor: MsgpackCursor): Head {
  cursor.tuple("head", 4);
  const index = asIndex(cursor.uint("index", INDEX_MAX));
  const term = asTerm(cursor.uint("term", TERM_MAX));
  const hash = Uint8Array.from(cursor.bin("hash"));
  if (hash.length !== HASH_BYTES) throw cursor.fail("ERR_WIRE_RANGE", "hash length");
  return { index, term, hash, seq: asSeq(cursor.uint("seq")) };
}
