/** Small building bricks of logs for storage tests. */
import { createHash } from "node:crypto";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Entry, HardState, MembershipState } from "@annals/raft";
import { asSeq, chainHash, encodeBatch, ZERO_HASH } from "@annals/record";
import type { RequestStamp } from "@annals/record";
import type { WriteCycle } from "@annals/replica";
import { entryKindCode } from "@annals/wire";

export const SAMPLE_MEMBERSHIP: MembershipState = {
  voters: [asMemberId(1), asMemberId(2), asMemberId(3)],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

/** `records` payloads that begin at `firstSeq`, as one request. */
export function batchEntry(
  index: number,
  term: number,
  firstSeq: number,
  records: readonly Uint8Array[],
  producer?: RequestStamp,
): Entry {
  const header = {
    firstSeq: asSeq(firstSeq),
    count: records.length,
    recordedAt: 1_700_000_000_000 + index,
    requests: [{ count: records.length, producer }],
  };
  return {
    index: asIndex(index),
    term: asTerm(term),
    kind: "records",
    data: encodeBatch(header, records),
  };
}

/** One batch of one small record per entry, seq following index: what most tests need. */
export function plainEntries(from: number, to: number, term: number, fill = 0): Entry[] {
  const entries: Entry[] = [];
  for (let index = from; index <= to; index++)
    entries.push(batchEntry(index, term, index, [Uint8Array.of(fill, index & 0xff)]));
  return entries;
}

export function noopEntry(index: number, term: number): Entry {
  return { index: asIndex(index), term: asTerm(term), kind: "noop", data: new Uint8Array(0) };
}

export function hardState(term: number, votedFor: number, commitIndex: number): HardState {
  return { term: asTerm(term), votedFor: asMemberId(votedFor), commitIndex: asIndex(commitIndex) };
}

export function cycleOf(parts: Partial<WriteCycle>): WriteCycle {
  return { entries: [], hardState: undefined, applied: undefined, ...parts };
}

/** The head hash of a log, computed entry by entry from nothing. */
export function chainOf(entries: readonly Entry[]): string {
  const sha256 = (...parts: readonly Uint8Array[]): Uint8Array =>
    createHash("sha256").update(Buffer.concat(parts)).digest();
  let hash: Uint8Array = ZERO_HASH;
  for (const { index, term, kind, data } of entries)
    hash = chainHash(sha256, hash, index, term, entryKindCode(kind), data);
  return Buffer.from(hash).toString("hex");
}
