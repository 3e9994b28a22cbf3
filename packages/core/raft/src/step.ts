import { stepCandidate } from "./candidate.ts";
import { handleVoteRequest, inLease, rejectStalePreVote, traceVoteIgnored } from "./election.ts";
import { stepFollower } from "./follower.ts";
import { isResponse, refusalOf, TERM_LEAP_MAX } from "./judge.ts";
import { stepLeader } from "./leader.ts";
import type { Message } from "./message.ts";
import type { StepOutcome } from "./outcome.ts";
import { OK } from "./outcome.ts";
import type { Raft } from "./raft.ts";
import { handleRecovery, handleRecoveryResponse, tellEnd } from "./recovering.ts";
import { becomeFollower } from "./roles.ts";
import { asIndex, asTerm, NOBODY } from "./types.ts";

/** A message from a peer: checked for what a peer may send at all, then handled. */
export function stepPeer(raft: Raft, message: Message): StepOutcome {
  // Before anything is compared: another history is no news to a member that has given up its own.
  if (raft.emptied?.heeds(message) === false) return { kind: "refused", reason: "awaitsKept" };
  const refusal = refusalOf(raft, message);
  if (refusal === undefined) return stepKnown(raft, message);
  if (refusal === "commitBeyondEnd") tellEnd(raft, message.from);
  if (refusal === "termLeap") comeNearer(raft, message);
  return { kind: "refused", reason: refusal };
}

/**
 * A member that was away while somebody raised the terms of the others would refuse all of them for ever. So one that knows no leader, and
 * hears one, raises its term by as much as a single message may: it follows after a few. One that has a leader is not moved.
 */
function comeNearer(raft: Raft, { kind, from }: Message): void {
  const ofLeader = kind === "heartbeat" || kind === "appendEntries";
  if (!ofLeader || raft.leader !== NOBODY || raft.tracker.get(from) === undefined) return;
  becomeFollower(raft, asTerm(raft.term + TERM_LEAP_MAX), NOBODY);
}

/** A message from a peer or, by way of its own disk, from this member: responses are taken from members only. */
export function stepKnown(raft: Raft, message: Message): StepOutcome {
  const known = raft.tracker.get(message.from) !== undefined || raft.emptied?.kept === message.from;
  if (isResponse(message.kind) && !known) {
    return { kind: "refused", reason: "unknownMember" };
  }
  return step(raft, message);
}

/** Compares terms (Raft §5.1), then hands the message to the role. */
export function step(raft: Raft, message: Message): StepOutcome {
  // What is remembered is told in any term, and asking deposes nobody.
  if (message.kind === "recovery") {
    handleRecovery(raft, message);
    return OK;
  }
  if (message.kind === "recoveryResponse") {
    handleRecoveryResponse(raft, message);
    return OK;
  }
  // Proposals and reads carry no term: they are wishes of a client, passed on.
  if (message.kind !== "propose" && message.kind !== "readIndex") {
    if (message.term > raft.term) {
      if (!takeLaterTerm(raft, message)) return OK;
    } else if (message.term < raft.term) {
      answerEarlierTerm(raft, message);
      return OK;
    }
  }
  if (message.kind === "requestVote" || message.kind === "requestPreVote") {
    handleVoteRequest(raft, message);
    return OK;
  }
  if (raft.role === "leader") return stepLeader(raft, message);
  if (raft.role === "follower") return stepFollower(raft, message);
  return stepCandidate(raft, message);
}

/** Whether the message is to be handled further. */
function takeLaterTerm(raft: Raft, message: Message): boolean {
  const { kind } = message;
  if (kind === "requestVote" || kind === "requestPreVote") {
    if (!message.transfer && inLease(raft)) {
      // A leader is alive: a member that was cut off, or removed, must not depose it by its higher term (thesis §4.2.3).
      traceVoteIgnored(raft, message);
      return false;
    }
    // A rehearsal changes no term at either end.
    if (kind === "requestPreVote") return true;
  }
  // Granted rehearsals echo a term that nobody has entered yet; refused ones carry the refuser's own.
  if (kind === "requestPreVoteResponse" && !message.rejected) return true;

  raft.trace({
    kind: "termRaised",
    by: kind,
    from: message.from,
    oldTerm: raft.term,
    term: message.term,
  });
  const fromLeader = kind === "appendEntries" || kind === "heartbeat" || kind === "installSnapshot";
  becomeFollower(raft, message.term, fromLeader ? message.from : NOBODY);
  return true;
}

function answerEarlierTerm(raft: Raft, message: Message): void {
  const { kind } = message;
  if (
    (raft.config.checkQuorum || raft.config.preVote) &&
    (kind === "heartbeat" || kind === "appendEntries")
  ) {
    // With either option the sender may never hear of our term by a vote request: tell it, or this member could neither win an election
    // nor rejoin. The answer acknowledges nothing; its term is what counts.
    raft.acknowledge(message.from, asIndex(0));
  } else if (kind === "requestPreVote") {
    rejectStalePreVote(raft, message);
  } else {
    raft.trace({
      kind: "staleMessage",
      message: kind,
      from: message.from,
      messageTerm: message.term,
      term: raft.term,
    });
  }
}
