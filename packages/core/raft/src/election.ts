import type { RequestVote } from "./message.ts";
import type { Raft } from "./raft.ts";
import { mayElect } from "./recovering.ts";
import { becomeCandidate, becomePreCandidate } from "./roles.ts";
import type { VoteKind } from "./trace.ts";
import { asIndex, asTerm, type MemberId, NOBODY, type Term, TERM_MAX } from "./types.ts";

/** Entries read at a time when looking for membership changes that are committed and not applied. */
const SCAN_ENTRIES_MAX = 256;
const SCAN_BYTES_MAX = 1024 * 1024;

/**
 * How an election begins: rehearsed, at once, or on request of the leader that hands over. A transfer is not rehearsed: there is a quorum,
 * as the leader had it a moment ago, and a term is wanted.
 */
export type CampaignKind = "preElection" | "election" | "transfer";

/** The election timeout passed, or somebody asked for an election. Declines if this member must not stand. */
export function maybeCampaign(raft: Raft, kind: CampaignKind): void {
  const refused = refuseCampaign(raft);
  if (refused !== undefined) {
    raft.trace({ kind: "campaignRefused", reason: refused, term: raft.term });
    return;
  }
  raft.trace({ kind: "electionStarted", term: raft.term });
  campaign(raft, kind);
}

/** Asks all voters. The own vote goes the way of everybody's: it counts when it is durable. */
export function campaign(raft: Raft, kind: CampaignKind): void {
  const rehearsal = kind === "preElection";
  if (rehearsal) becomePreCandidate(raft);
  else becomeCandidate(raft);
  // A rehearsal names the term that it would begin, without entering it.
  const term = rehearsal ? asTerm(raft.term + 1) : raft.term;
  const vote: VoteKind = rehearsal ? "preVote" : "vote";
  const { index: lastLogIndex, term: lastLogTerm } = raft.log.lastId();
  for (const to of raft.tracker.voters) {
    if (to === raft.id) {
      sendVote(raft, vote, to, term, false);
      continue;
    }
    raft.trace({
      kind: "voteRequested",
      vote,
      to,
      lastIndex: lastLogIndex,
      lastTerm: lastLogTerm,
      term: raft.term,
    });
    raft.send({
      kind: rehearsal ? "requestPreVote" : "requestVote",
      from: raft.id,
      to,
      term,
      lastLogIndex,
      lastLogTerm,
      transfer: kind === "transfer",
    });
  }
}

/** Grants or refuses a vote (Raft §5.2, §5.4.1). Learners vote as well: they may have been promoted without knowing it yet. */
export function handleVoteRequest(raft: Raft, message: RequestVote): void {
  const rehearsal = message.kind === "requestPreVote";
  const free =
    raft.votedFor === message.from ||
    (raft.votedFor === NOBODY && raft.leader === NOBODY) ||
    (rehearsal && message.term > raft.term);
  const last = { term: message.lastLogTerm, index: message.lastLogIndex };
  const upToDate = raft.log.isUpToDate(last) && mayElect(raft, message.from, last, message.term);
  const vote = rehearsal ? "preVote" : "vote";
  traceVote(raft, free && upToDate ? "voteCast" : "voteRejected", message);
  if (free && upToDate) {
    // A grant echoes the term of the request: a rehearsal from a later term would take our own for an old message.
    sendVote(raft, vote, message.from, message.term, false);
    if (!rehearsal) {
      raft.electionElapsed = 0;
      raft.votedFor = message.from;
    }
  } else {
    sendVote(raft, vote, message.from, raft.term, true);
  }
}

/** Whether a leader was heard from within the election timeout, so that nobody else needs to be elected (Raft §6, thesis §4.2.3). */
export function inLease(raft: Raft): boolean {
  return (
    raft.config.checkQuorum &&
    raft.leader !== NOBODY &&
    raft.electionElapsed < raft.config.electionTicks
  );
}

export function traceVoteIgnored(raft: Raft, message: RequestVote): void {
  const remainingTicks = raft.config.electionTicks - raft.electionElapsed;
  raft.trace({ kind: "voteIgnored", remainingTicks, ...scene(raft, message) });
}

/** A rehearsal from an old term is answered, or its candidate would never learn the term and could wait forever. */
export function rejectStalePreVote(raft: Raft, message: RequestVote): void {
  traceVote(raft, "voteRejected", message);
  sendVote(raft, "preVote", message.from, raft.term, true);
}

function sendVote(raft: Raft, vote: VoteKind, to: MemberId, term: Term, rejected: boolean): void {
  raft.sendAfterDurable({
    kind: vote === "preVote" ? "requestPreVoteResponse" : "requestVoteResponse",
    from: raft.id,
    to,
    term,
    rejected,
    committed: raft.log.committedId(),
  });
}

function refuseCampaign(raft: Raft): "leader" | "unpromotable" | "pendingChange" | undefined {
  if (raft.role === "leader") return "leader";
  // Nobody comes here but by forged messages.
  if (raft.term >= TERM_MAX) return "unpromotable";
  if (!raft.promotable()) return "unpromotable";
  // Two quorums might not intersect.
  return hasUnappliedChange(raft) ? "pendingChange" : undefined;
}

/** Whether the voters known here may be the wrong ones, as a committed change of them is not applied. */
export function hasUnappliedChange(raft: Raft): boolean {
  const end = asIndex(raft.log.committed + 1);
  let from = asIndex(raft.log.applied + 1);
  while (from < end) {
    const page = raft.log.slice(from, end, SCAN_BYTES_MAX, SCAN_ENTRIES_MAX);
    // Compacted means that a snapshot covers them, and its installation is what has not been applied.
    if (page === "compacted" || page.length === 0) return true;
    if (page.some((entry) => entry.kind === "membership")) return true;
    from = asIndex(from + page.length);
  }
  return false;
}

function traceVote(raft: Raft, kind: "voteCast" | "voteRejected", message: RequestVote): void {
  raft.trace({ kind, ...scene(raft, message) });
}

function scene(raft: Raft, message: RequestVote) {
  const last = raft.log.lastId();
  return {
    vote: message.kind === "requestPreVote" ? "preVote" : "vote",
    lastIndex: last.index,
    lastTerm: last.term,
    votedFor: raft.votedFor,
    candidate: message.from,
    candidateLastIndex: message.lastLogIndex,
    candidateLastTerm: message.lastLogTerm,
    term: raft.term,
  } as const;
}
