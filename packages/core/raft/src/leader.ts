import { findConflictByTerm } from "./conflict.ts";
import { assertNever } from "./invariant.ts";
import type { AppendEntriesResponse, HeartbeatResponse, Message } from "./message.ts";
import type { StepOutcome } from "./outcome.ts";
import { OK } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { propose } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import { answerConfirmedReads, readIndex } from "./reading.ts";
import { broadcastAppend, maybeCommit, maybeSendAppend, sendTimeoutNow } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import { requestTransfer } from "./transfer.ts";
import { asIndex, type MemberId, NOBODY } from "./types.ts";

/** A message in this term, or beyond terms, for the leader. */
export function stepLeader(raft: Raft, message: Message): StepOutcome {
  switch (message.kind) {
    case "propose": {
      const outcome = propose(raft, message.from, message.entries);
      return outcome.kind === "dropped" ? { kind: "refused", reason: "proposalDropped" } : OK;
    }
    case "readIndex":
      readIndex(raft, message.from, message.context);
      return OK;
    case "transferLeadership":
      requestTransfer(raft, message.from, message.transferee);
      return OK;
    case "appendEntries":
    case "heartbeat":
    case "installSnapshot":
      return { kind: "refused", reason: "secondLeader" };
    case "appendEntriesResponse":
    case "heartbeatResponse": {
      const progress = raft.tracker.get(message.from);
      if (progress === undefined) {
        raft.trace({ kind: "memberUnknown", member: message.from });
      } else if (message.kind === "heartbeatResponse") {
        handleHeartbeatResponse(raft, progress, message);
      } else if (message.rejected) {
        handleRejection(raft, progress, message);
      } else {
        handleAck(raft, progress, message);
      }
      return OK;
    }
    case "readIndexResponse":
    case "requestVote":
    case "requestVoteResponse":
    case "requestPreVote":
    case "requestPreVoteResponse":
    case "timeoutNow":
    case "recovery":
    case "recoveryResponse":
      // Votes were handled before roles; the rest answers a role that this member has left.
      return OK;
    default:
      return assertNever(message);
  }
}

/** Steps down if no quorum was heard from since the last check: it could not commit, and its followers may follow another already. */
export function checkQuorum(raft: Raft): void {
  if (!raft.tracker.quorumActive()) {
    raft.trace({ kind: "quorumLost" });
    becomeFollower(raft, raft.term, NOBODY);
  }
  for (const progress of raft.tracker.members) {
    if (progress.member !== raft.id) progress.recentActive = false;
  }
}

/** The transport could not deliver to a member: what is in flight is probably lost, so the pipeline goes back to probing. */
export function reportUnreachable(raft: Raft, member: MemberId): void {
  const progress = raft.role === "leader" ? raft.tracker.get(member) : undefined;
  if (progress === undefined) return;
  progress.probe = undefined;
  if (progress.state === "replicate") progress.becomeProbe();
  raft.trace({ kind: "memberUnreachable", progress: progress.status() });
}

/** The transport is done with a snapshot for a member, well or not. Either way the next message waits for a sign of life. */
export function reportSnapshot(raft: Raft, member: MemberId, ok: boolean): void {
  const progress = raft.role === "leader" ? raft.tracker.get(member) : undefined;
  if (progress?.state !== "snapshot") return;
  if (ok) {
    progress.becomeProbe();
  } else {
    // Cleared first: it must not be probed from behind a snapshot that it never got.
    progress.pendingSnapshot = asIndex(0);
    progress.becomeProbe();
  }
  raft.trace({ kind: "snapshotReported", ok, progress: progress.status() });
  progress.appendPaused = true;
}

/** The log of the member is durable and agrees up to `message.index`. */
function handleAck(raft: Raft, progress: Progress, message: AppendEntriesResponse): void {
  progress.recentActive = true;
  progress.remember(raft.term, message.index);
  const moved = progress.maybeUpdate(message.index);
  // Nothing new, except that a probe is answered: it may go back to the pipeline.
  const reconnects = progress.state === "probe" && progress.matchIndex === message.index;
  if (!moved && !reconnects) return;

  if (progress.state === "probe") {
    progress.becomeReplicate(raft.config.reportsLoss === true);
  } else if (progress.state === "replicate") {
    progress.inflights.freeUpTo(message.index);
  } else if (progress.matchIndex + 1 >= raft.log.firstIndex) {
    // Whatever snapshot it took, from wherever: the log goes on from there.
    raft.trace({ kind: "snapshotRecovered", progress: progress.status() });
    progress.becomeProbe();
    progress.becomeReplicate();
  }

  const own = progress.member === raft.id;
  if (maybeCommit(raft)) {
    broadcastAppend(raft);
  } else if (!own && progress.canBumpCommit(raft.log.committed)) {
    maybeSendAppend(raft, progress, true);
  }
  if (!own) {
    // The window may have room for several messages now.
    while (maybeSendAppend(raft, progress, false));
  }
  if (progress.member === raft.transferee && progress.matchIndex === raft.log.lastIndex) {
    sendTimeoutNow(raft, progress.member, true);
  }
}

/** The member has no entry at `message.index` that agrees with ours: go back, by whole terms where both logs allow it. */
function handleRejection(raft: Raft, progress: Progress, message: AppendEntriesResponse): void {
  progress.recentActive = true;
  const { from, index, hintIndex, hintTerm } = message;
  raft.trace({ kind: "rejectionReceived", from, index, hintIndex, hintTerm });
  // The member's term at the hint bounds what can match from above: our entries of later terms up to there need no probe.
  const hint = hintTerm > 0 ? findConflictByTerm(raft.log, hintIndex, hintTerm).index : hintIndex;
  if (!progress.maybeDecrease(index, hint)) return;
  raft.trace({ kind: "progressDecreased", progress: progress.status() });
  if (progress.state === "replicate") progress.becomeProbe();
  maybeSendAppend(raft, progress, true);
}

function handleHeartbeatResponse(raft: Raft, progress: Progress, message: HeartbeatResponse): void {
  progress.recentActive = true;
  progress.appendPaused = false;
  // A sign of life: what is missing is sent or, with a full window or while probing, an empty append that finds out where it stands.
  if (progress.matchIndex < raft.log.lastIndex || progress.state === "probe") {
    maybeSendAppend(raft, progress, true);
  }
  if (message.readToken === 0) return;
  raft.readOnly.ack(message.from, message.readToken);
  answerConfirmedReads(raft);
}
