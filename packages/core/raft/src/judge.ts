import { changeMembership, membershipProblem } from "./membership.ts";
import { decodeOrUndefined } from "./membershipCodec.ts";
import type {
  AppendEntries,
  AppendEntriesResponse,
  Heartbeat,
  HeartbeatResponse,
  InstallSnapshot,
  Message,
  RecoveryResponse,
} from "./message.ts";
import type { StepRefusal } from "./outcome.ts";
import type { Raft } from "./raft.ts";
import {
  asIndex,
  type Entry,
  INDEX_MAX,
  type LogIndex,
  type MembershipState,
  NOBODY,
  TERM_MAX,
} from "./types.ts";

/** Every kind that there is, and whether it answers something that this member sent: then it is taken from members only. */
const RESPONSES: Readonly<Record<Message["kind"], boolean>> = {
  appendEntries: false,
  appendEntriesResponse: true,
  requestVote: false,
  requestVoteResponse: true,
  requestPreVote: false,
  requestPreVoteResponse: true,
  heartbeat: false,
  heartbeatResponse: true,
  installSnapshot: false,
  timeoutNow: false,
  readIndex: false,
  readIndexResponse: true,
  transferLeadership: false,
  propose: false,
  recovery: false,
  recoveryResponse: true,
};

/** A message that names a term so far beyond the own one is no news of elections: terms rise by one at a time. */
export const TERM_LEAP_MAX: number = 2 ** 32;

export function isResponse(kind: Message["kind"]): boolean {
  return RESPONSES[kind];
}

/** Why a message cannot come from a peer that keeps to the protocol; undefined when it can. Looks only, changes nothing. */
export function refusalOf(raft: Raft, message: Message): StepRefusal | undefined {
  if (message.to !== raft.id) return "notForUs";
  if (message.from === raft.id || message.from === NOBODY) return "forgedSender";
  if (!Object.hasOwn(RESPONSES, message.kind) || !isWellFormed(message)) return "malformed";
  if (message.term - raft.term > TERM_LEAP_MAX) return "termLeap";
  switch (message.kind) {
    case "appendEntries":
      return refuseAppend(raft, message);
    case "appendEntriesResponse":
      return refuseAnswer(raft, message);
    case "heartbeat":
      return refuseHeartbeat(raft, message);
    case "heartbeatResponse":
      return refusePulse(raft, message);
    case "installSnapshot":
      // The membership of a snapshot is in force at once: changes from before it that were handed out would be made to the wrong base.
      return raft.log.applying > raft.log.applied ? "applying" : undefined;
    default:
      return undefined;
  }
}

function isWellFormed(message: Message): boolean {
  if (!(message.term >= 0 && message.term <= TERM_MAX)) return false;
  switch (message.kind) {
    case "appendEntries":
      return isContiguous(message);
    case "appendEntriesResponse":
      // A follower guesses at or below the place that did not match, and has no entry of a term that it has not entered.
      return (
        isIndex(message.index) && message.hintIndex <= INDEX_MAX && message.hintTerm <= message.term
      );
    case "requestVote":
    case "requestPreVote":
      return isIndex(message.lastLogIndex) && message.lastLogTerm <= message.term;
    case "requestVoteResponse":
    case "requestPreVoteResponse":
      return isIndex(message.committed.index) && message.committed.term <= TERM_MAX;
    case "heartbeat":
      return isIndex(message.commitIndex);
    case "heartbeatResponse":
      return isIndex(message.committed?.index ?? 0);
    case "readIndexResponse":
      return isIndex(message.index);
    case "installSnapshot":
      return isPossible(message);
    case "propose":
      return message.entries.length > 0;
    case "recovery":
      return isIndex(message.lastLogIndex) && message.lastLogTerm <= message.term;
    case "recoveryResponse":
      return isMemory(message);
    default:
      return true;
  }
}

/** Nothing is remembered beyond the present term, or beyond the end of the log. */
function isMemory({ term, last, committed, acknowledged }: RecoveryResponse): boolean {
  const { entry } = acknowledged;
  const within = committed.index <= last.index && entry.index <= last.index;
  return (
    isIndex(last.index) &&
    within &&
    isIndex(acknowledged.index) &&
    [last, committed, entry, acknowledged].every((one) => one.term <= term)
  );
}

function isIndex(index: number): boolean {
  return index >= 0 && index <= INDEX_MAX;
}

/** Indexes without gaps, terms that never fall, none beyond the leader's. */
function isContiguous(message: AppendEntries): boolean {
  let term: number = message.prevLogTerm;
  let index: number = message.prevLogIndex;
  if (!isIndex(message.leaderCommit) || !isIndex(index + message.entries.length)) return false;
  for (const entry of message.entries) {
    index += 1;
    if (entry.index !== index || entry.term < term) return false;
    term = entry.term;
  }
  return term <= message.term;
}

function isPossible(message: InstallSnapshot): boolean {
  const { snapshot } = message;
  return (
    snapshot.lastIncludedIndex > 0 &&
    isIndex(snapshot.lastIncludedIndex) &&
    snapshot.lastIncludedTerm <= message.term &&
    membershipProblem(snapshot.membership) === undefined
  );
}

/**
 * An answer of this term to a leader: the leader's log does not shrink in its term, so no answer, however late, is about what lies beyond
 * its end. One at or below what has matched may be late, and is left to the progress of its sender.
 */
function refuseAnswer(raft: Raft, message: AppendEntriesResponse): StepRefusal | undefined {
  if (raft.role !== "leader" || message.term !== raft.term) return undefined;
  return message.index > raft.log.lastIndex ? "answerToNothing" : undefined;
}

/** A leader names nothing that this member has not acknowledged to it. */
function refuseHeartbeat({ term, log }: Raft, message: Heartbeat): StepRefusal | undefined {
  const { commitIndex, commitHash } = message;
  if (message.term < term) return undefined;
  if (log.chained && commitHash === undefined) return "malformed";
  if (commitIndex > log.lastIndex) return "commitBeyondEnd";
  return log.differsAt(commitIndex, commitHash) ? "historyDiffers" : undefined;
}

/**
 * A leader has every entry that any member knows to be committed (Raft §5.4), and its log does not shrink in its term: however late an
 * answer of this term is, what it names is here.
 */
function refusePulse(raft: Raft, message: HeartbeatResponse): StepRefusal | undefined {
  const { log, role, term } = raft;
  const { committed } = message;
  if (role !== "leader" || message.term !== term || !log.chained) return undefined;
  if (committed === undefined) return "malformed";
  const missing = committed.index > log.lastIndex;
  return missing || log.differsAt(committed.index, committed.hash) ? "historyDiffers" : undefined;
}

/** Where the history that a message tells of differs from the one here; undefined where it does not, or there is nothing to compare. */
export function disputedIndex(raft: Raft, message: Message): LogIndex | undefined {
  switch (message.kind) {
    case "appendEntries":
      return conflictWithCommitted(raft, message) ?? historyDifference(raft, message);
    case "heartbeat":
      return message.commitIndex;
    case "heartbeatResponse":
      return message.committed?.index;
    default:
      return undefined;
  }
}

function refuseAppend(raft: Raft, message: AppendEntries): StepRefusal | undefined {
  if (message.term < raft.term) return undefined;
  if (raft.log.chained && message.prevLogHash === undefined) return "malformed";
  if (conflictWithCommitted(raft, message) !== undefined) return "conflictsWithCommitted";
  if (historyDifference(raft, message) !== undefined) return "historyDiffers";
  return takesBadEntries(raft, message) ? "badEntry" : undefined;
}

/** Every leader has every committed entry, whatever it sends and however late it comes (Raft §5.4). */
function conflictWithCommitted({ log }: Raft, message: AppendEntries): LogIndex | undefined {
  const { prevLogIndex, prevLogTerm, entries } = message;
  const differs = (index: LogIndex, term: number): boolean =>
    index <= log.committed && (log.term(index) ?? term) !== term;
  if (differs(prevLogIndex, prevLogTerm)) return prevLogIndex;
  for (const { index, term } of entries) {
    if (index > log.committed) return undefined;
    if (differs(index, term)) return index;
  }
  return undefined;
}

/**
 * Where the leader has another entry while both logs have one of the same term. A term has one leader, and a leader has one entry at an
 * index (Raft §5.3): then a disk has lost, or was given, what its member does not know of.
 */
function historyDifference({ log }: Raft, message: AppendEntries): LogIndex | undefined {
  const { prevLogIndex, prevLogTerm, prevLogHash, entries } = message;
  if (prevLogHash === undefined || log.term(prevLogIndex) !== prevLogTerm) return undefined;
  if (log.differsAt(prevLogIndex, prevLogHash)) return prevLogIndex;
  const fresh = entries.findIndex(({ index, term }) => log.term(index) !== term);
  const known = fresh < 0 ? entries : entries.slice(0, fresh);
  // A hash covers all before it: the last one tells of every entry that is repeated.
  const last = known.at(-1);
  if (last === undefined) return undefined;
  return log.differsAt(last.index, log.hashThrough(prevLogHash, known)) ? last.index : undefined;
}

/** Whether something would be appended that stops every replica once it is committed. */
function takesBadEntries(raft: Raft, message: AppendEntries): boolean {
  const { log, config } = raft;
  const { prevLogIndex, prevLogTerm, entries } = message;
  if (prevLogIndex < log.committed || !log.matches({ term: prevLogTerm, index: prevLogIndex }))
    return false;
  const at = entries.findIndex(({ index, term }) => log.term(index) !== term);
  if (at < 0) return false;
  const fresh = at === 0 ? entries : entries.slice(at);
  if (!config.disableMembershipValidation && changesWrongly(raft, fresh)) return true;
  return config.acceptable?.(fresh, (index) => log.entry(index)) === false;
}

/** Whether a change of the membership does not parse, or cannot be made to what the log says before it. */
function changesWrongly(raft: Raft, fresh: readonly Entry[]): boolean {
  const [first] = fresh;
  if (first === undefined || !fresh.some(({ kind }) => kind === "membership")) return false;
  let membership: MembershipState | undefined = raft.tracker.membership;
  for (let index = raft.log.applied + 1; index < first.index; index += 1) {
    membership = changedBy(membership, raft.log.entry(asIndex(index)));
  }
  for (const entry of fresh) membership = changedBy(membership, entry);
  return membership === undefined;
}

function changedBy(
  membership: MembershipState | undefined,
  entry: Entry | undefined,
): MembershipState | undefined {
  if (membership === undefined || entry?.kind !== "membership") return membership;
  const change = decodeOrUndefined(entry.data);
  if (change === undefined) return undefined;
  const outcome = changeMembership(membership, change);
  return outcome.kind === "changed" ? outcome.membership : undefined;
}
