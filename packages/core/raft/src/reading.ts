import type { ReadOutcome } from "./outcome.ts";
import { OK } from "./outcome.ts";
import type { Raft } from "./raft.ts";
import type { ReadRequest } from "./readOnly.ts";
import { asTerm, type LogIndex, type MemberId, NOBODY } from "./types.ts";

/** Reads that may wait on a leader at a time; further ones are dropped. Each costs some dozens of bytes. */
const READS_WAITING_MAX = 16_384;

/** Asks for a read index (thesis §6.4). `from` is whoever asked first: this member or one that took it for the leader. */
export function readIndex(raft: Raft, from: MemberId, context: number): ReadOutcome {
  if (raft.role === "leader") return readAsLeader(raft, { from, context });
  if (raft.role !== "follower" || raft.leader === NOBODY) {
    raft.trace({ kind: "readDropped", term: raft.term });
    return { kind: "dropped", reason: "noLeader" };
  }
  // Term 0: a read belongs to no term until a leader takes it up.
  raft.send({ kind: "readIndex", from, to: raft.leader, term: asTerm(0), context });
  return OK;
}

/** An entry of this term was committed: reads that waited for that go on. */
export function releasePendingReads(raft: Raft): void {
  if (raft.pendingReads.length === 0 || !raft.committedInTerm()) return;
  const released = raft.pendingReads;
  raft.pendingReads = [];
  for (const request of released) takeUp(raft, request);
}

/** Answers the reads that a quorum has confirmed by now. */
export function answerConfirmedReads(raft: Raft): void {
  for (const read of raft.readOnly.confirm(raft.tracker.membership)) answer(raft, read, read.index);
}

function readAsLeader(raft: Raft, request: ReadRequest): ReadOutcome {
  if (raft.pendingReads.length + raft.readOnly.waiting >= READS_WAITING_MAX) {
    return { kind: "dropped", reason: "tooMany" };
  }
  // Until an entry of this term is committed, earlier leaders may have committed more than is known here.
  if (raft.committedInTerm()) takeUp(raft, request);
  else raft.pendingReads.push(request);
  return OK;
}

function takeUp(raft: Raft, request: ReadRequest): void {
  const onlyVoter = raft.tracker.isSingleton() && raft.tracker.isVoter(raft.id);
  if (onlyVoter || raft.config.readOnly === "lease") {
    answer(raft, request, raft.log.committed);
    return;
  }
  raft.readOnly.add(request, raft.log.committed);
  raft.readOnly.ack(raft.id, raft.readOnly.token);
  raft.readRoundDue = true;
}

function answer(raft: Raft, request: ReadRequest, index: LogIndex): void {
  const { from, context } = request;
  if (from === raft.id) {
    raft.reads.push({ context, index });
  } else {
    raft.send({
      kind: "readIndexResponse",
      from: raft.id,
      to: from,
      term: raft.term,
      context,
      index,
    });
  }
}
