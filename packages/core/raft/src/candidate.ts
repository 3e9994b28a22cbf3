import { campaign, hasUnappliedChange } from "./election.ts";
import { assertNever } from "./invariant.ts";
import type { Message, RequestVoteResponse } from "./message.ts";
import { handleAppendEntries, handleHeartbeat, handleInstallSnapshot } from "./follower.ts";
import type { StepOutcome } from "./outcome.ts";
import { OK } from "./outcome.ts";
import { propose } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import { broadcastAppend } from "./replication.ts";
import { becomeFollower, becomeLeader } from "./roles.ts";
import { NOBODY } from "./types.ts";

/** A message in this term, or beyond terms, for a candidate or preCandidate (Raft §5.2). */
export function stepCandidate(raft: Raft, message: Message): StepOutcome {
  switch (message.kind) {
    case "appendEntries":
      becomeFollower(raft, message.term, message.from);
      handleAppendEntries(raft, message);
      return OK;
    case "heartbeat":
      becomeFollower(raft, message.term, message.from);
      handleHeartbeat(raft, message);
      return OK;
    case "installSnapshot":
      becomeFollower(raft, message.term, message.from);
      handleInstallSnapshot(raft, message);
      return OK;
    case "requestPreVoteResponse":
      // A preCandidate that became a candidate still gets responses to the rehearsal.
      if (raft.role === "preCandidate") handleVoteResponse(raft, message);
      return OK;
    case "requestVoteResponse":
      if (raft.role === "candidate") handleVoteResponse(raft, message);
      return OK;
    case "timeoutNow":
      raft.trace({
        kind: "timeoutNowIgnored",
        from: message.from,
        term: raft.term,
        role: raft.role === "preCandidate" ? "preCandidate" : "candidate",
      });
      return OK;
    case "propose": {
      const outcome = propose(raft, message.from, message.entries);
      return outcome.kind === "dropped" ? { kind: "refused", reason: "proposalDropped" } : OK;
    }
    case "appendEntriesResponse":
    case "heartbeatResponse":
    case "readIndex":
    case "readIndexResponse":
    case "requestVote":
    case "requestPreVote":
    case "transferLeadership":
    case "recovery":
    case "recoveryResponse":
      // Votes were handled before roles; nobody here knows a leader to pass a wish on to.
      return OK;
    default:
      return assertNever(message);
  }
}

function handleVoteResponse(raft: Raft, message: RequestVoteResponse): void {
  const vote = message.kind === "requestPreVoteResponse" ? "preVote" : "vote";
  const granted = !message.rejected;
  const outdated = message.rejected && learnsOfChange(raft, message);
  raft.trace({ kind: "voteReceived", vote, from: message.from, granted, term: raft.term });
  raft.tracker.recordVote(message.from, granted);
  const tally = raft.tracker.tallyVotes();
  raft.trace({ kind: "votesTallied", vote, granted: tally.granted, rejected: tally.rejected });
  if (tally.result === "won") {
    if (raft.role === "preCandidate") {
      campaign(raft, "election");
    } else {
      becomeLeader(raft);
      broadcastAppend(raft);
    }
  } else if (tally.result === "lost" || outdated) {
    // Not the term of the message: a rehearsal speaks of a term that nobody may have entered.
    becomeFollower(raft, raft.term, NOBODY);
  }
}

/**
 * A member that was removed neither grants its vote to a shorter log nor stands itself, and may be needed by a voter that has not heard of
 * the removal (etcd issue 12359; raft-rs has the same cure). Equal (index, term) means equal logs up to there, so what one knows to be
 * committed, the other may commit. With another membership the votes are counted anew.
 */
function learnsOfChange(raft: Raft, { committed }: RequestVoteResponse): boolean {
  return raft.log.maybeCommit(committed.index, committed.term) && hasUnappliedChange(raft);
}
