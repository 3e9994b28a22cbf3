import { invariant } from "./invariant.ts";
import { appendAsLeader } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import { asIndex, asTerm, type MemberId, NOBODY, type Term } from "./types.ts";

const NOOP = { kind: "noop", data: new Uint8Array(0) } as const;

export function becomeFollower(raft: Raft, term: Term, leader: MemberId): void {
  reset(raft, term);
  raft.leader = leader;
  raft.role = "follower";
  raft.trace({ kind: "becameFollower", term });
}

/** Rehearses an election: neither term nor vote change (thesis §9.6). */
export function becomePreCandidate(raft: Raft): void {
  invariant(raft.role !== "leader", "a leader cannot become a preCandidate");
  raft.tracker.resetVotes();
  raft.leader = NOBODY;
  raft.role = "preCandidate";
  dropReads(raft);
  raft.trace({ kind: "becamePreCandidate", term: raft.term });
}

export function becomeCandidate(raft: Raft): void {
  invariant(raft.role !== "leader", "a leader cannot become a candidate");
  reset(raft, asTerm(raft.term + 1));
  raft.votedFor = raft.id;
  raft.role = "candidate";
  raft.trace({ kind: "becameCandidate", term: raft.term });
}

/** Begins a leadership with an empty entry: by committing it, everything before it is committed (Raft §5.4.2, §8). */
export function becomeLeader(raft: Raft): void {
  invariant(raft.role === "candidate", `a ${raft.role} cannot become a leader`);
  reset(raft, raft.term);
  raft.leader = raft.id;
  raft.role = "leader";
  const own = raft.tracker.get(raft.id);
  invariant(own !== undefined, "a leader must be a member");
  own.becomeReplicate();
  own.recentActive = true;
  // There may be a membership entry anywhere in the tail; looking for it could be dear, and waiting for the whole tail is safe.
  raft.pendingChangeIndex = raft.log.lastIndex;
  invariant(appendAsLeader(raft, [NOOP]) !== undefined, "the first entry of a term was refused");
  raft.trace({ kind: "becameLeader", term: raft.term });
}

/** What every change of role begins with. A new term forgets the vote; within a term the vote stays. */
function reset(raft: Raft, term: Term): void {
  invariant(term >= raft.term, `term ${raft.term} cannot fall to ${term}`);
  if (raft.term !== term) {
    raft.term = term;
    raft.votedFor = NOBODY;
  }
  raft.leader = NOBODY;
  raft.electionElapsed = 0;
  raft.heartbeatElapsed = 0;
  raft.electionTimeout = drawElectionTimeout(raft);
  raft.transferee = NOBODY;
  raft.tracker.resetVotes();
  const next = asIndex(raft.log.lastIndex + 1);
  for (const progress of raft.tracker.members) {
    progress.reset(next);
    if (progress.member === raft.id) progress.matchIndex = raft.log.lastIndex;
  }
  raft.pendingChangeIndex = asIndex(0);
  raft.uncommittedBytes = 0;
  dropReads(raft);
}

function dropReads(raft: Raft): void {
  raft.readOnly.reset();
  raft.pendingReads = [];
  raft.readRoundDue = false;
}

function drawElectionTimeout(raft: Raft): number {
  const { electionTicks, randomBelow } = raft.config;
  const drawn = randomBelow(electionTicks);
  invariant(
    Number.isInteger(drawn) && drawn >= 0 && drawn < electionTicks,
    `randomBelow(${electionTicks}) gave ${drawn}`,
  );
  return electionTicks + drawn;
}
