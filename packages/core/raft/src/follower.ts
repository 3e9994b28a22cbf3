import { findConflictByTerm } from "./conflict.ts";
import { maybeCampaign } from "./election.ts";
import { assertNever } from "./invariant.ts";
import type { AppendEntries, Heartbeat, InstallSnapshot, Message } from "./message.ts";
import type { StepOutcome } from "./outcome.ts";
import { OK } from "./outcome.ts";
import { propose } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import { readIndex } from "./reading.ts";
import { installMembership } from "./switching.ts";
import { requestTransfer } from "./transfer.ts";
import { asTerm, type MemberId, type Snapshot } from "./types.ts";

/** A message in this term, or beyond terms, for a follower. */
export function stepFollower(raft: Raft, message: Message): StepOutcome {
  switch (message.kind) {
    case "appendEntries":
      heardFromLeader(raft, message.from);
      handleAppendEntries(raft, message);
      return OK;
    case "heartbeat":
      heardFromLeader(raft, message.from);
      handleHeartbeat(raft, message);
      return OK;
    case "installSnapshot":
      heardFromLeader(raft, message.from);
      handleInstallSnapshot(raft, message);
      return OK;
    case "timeoutNow":
      raft.trace({ kind: "timeoutNowReceived", from: message.from, term: raft.term });
      maybeCampaign(raft, "transfer");
      return OK;
    case "readIndexResponse":
      raft.reads.push({ context: message.context, index: message.index });
      return OK;
    case "readIndex":
      readIndex(raft, message.from, message.context);
      return OK;
    case "transferLeadership":
      requestTransfer(raft, message.from, message.transferee);
      return OK;
    case "propose": {
      const outcome = propose(raft, message.from, message.entries);
      return outcome.kind === "dropped" ? { kind: "refused", reason: "proposalDropped" } : OK;
    }
    case "appendEntriesResponse":
    case "heartbeatResponse":
    case "requestVote":
    case "requestVoteResponse":
    case "requestPreVote":
    case "requestPreVoteResponse":
    case "recovery":
    case "recoveryResponse":
      // Votes were handled before roles; the rest answers a role that this member has left.
      return OK;
    default:
      return assertNever(message);
  }
}

/** Appends what fits and says where the logs agree, or where they may (Raft §5.3). */
export function handleAppendEntries(raft: Raft, message: AppendEntries): void {
  const { from, prevLogIndex, prevLogTerm, entries, leaderCommit } = message;
  if (prevLogIndex < raft.log.committed) {
    // An old message: what is committed cannot conflict, so the leader may go on from there.
    raft.acknowledge(from, raft.log.committed);
    return;
  }
  const appended = raft.log.maybeAppend(
    { term: prevLogTerm, index: prevLogIndex },
    entries,
    leaderCommit,
  );
  if (appended !== "mismatch") {
    raft.acknowledge(from, appended);
    return;
  }
  raft.trace({
    kind: "appendRejected",
    from,
    index: prevLogIndex,
    term: prevLogTerm,
    ownTerm: raft.log.term(prevLogIndex) ?? asTerm(0),
  });
  // All of the leader's log up to prevLogIndex has terms ≤ prevLogTerm, so entries here with later terms cannot match: skip them.
  const start = prevLogIndex < raft.log.lastIndex ? prevLogIndex : raft.log.lastIndex;
  const hint = findConflictByTerm(raft.log, start, prevLogTerm);
  raft.sendAfterDurable({
    kind: "appendEntriesResponse",
    from: raft.id,
    to: from,
    term: raft.term,
    index: prevLogIndex,
    rejected: true,
    hintIndex: hint.index,
    hintTerm: hint.term,
  });
}

export function handleHeartbeat(raft: Raft, message: Heartbeat): void {
  raft.log.commitTo(message.commitIndex);
  raft.send({
    kind: "heartbeatResponse",
    from: raft.id,
    to: message.from,
    term: raft.term,
    committed: raft.committedPoint(),
    readToken: message.readToken,
  });
}

export function handleInstallSnapshot(raft: Raft, message: InstallSnapshot): void {
  const { snapshot, from } = message;
  const taken = restore(raft, snapshot);
  raft.trace({
    kind: taken ? "snapshotTaken" : "snapshotIgnored",
    commitIndex: raft.log.committed,
    index: snapshot.lastIncludedIndex,
    term: snapshot.lastIncludedTerm,
  });
  raft.acknowledge(from, taken ? raft.log.lastIndex : raft.log.committed);
}

function heardFromLeader(raft: Raft, leader: MemberId): void {
  raft.electionElapsed = 0;
  raft.electionsPassed = 0;
  raft.leader = leader;
}

/** Replaces log and membership by the snapshot, unless it brings nothing or is for others. */
function restore(raft: Raft, snapshot: Snapshot): boolean {
  const { lastIncludedIndex: index, lastIncludedTerm: term, membership } = snapshot;
  if (index <= raft.log.committed) return false;
  const members = [...membership.voters, ...membership.votersOutgoing, ...membership.learners];
  if (!members.includes(raft.id)) {
    raft.trace({ kind: "snapshotForeign", meta: snapshot });
    return false;
  }
  if (raft.log.matches({ index, term })) {
    // Equal (index, term) means equal logs up to there: nothing to install, and entries after it may be good. Anything else at that
    // index is in conflict, and with it everything after it: then the whole log goes.
    traceRestored(raft, "snapshotFastForwarded", snapshot);
    raft.log.commitTo(index);
    return false;
  }
  raft.log.restore(snapshot);
  installMembership(raft, membership);
  traceRestored(raft, "snapshotRestored", snapshot);
  return true;
}

function traceRestored(
  raft: Raft,
  kind: "snapshotRestored" | "snapshotFastForwarded",
  snapshot: Snapshot,
): void {
  const last = raft.log.lastId();
  raft.trace({
    kind,
    commitIndex: raft.log.committed,
    lastIndex: last.index,
    lastTerm: last.term,
    index: snapshot.lastIncludedIndex,
    term: snapshot.lastIncludedTerm,
  });
}
