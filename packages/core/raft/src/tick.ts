import { maybeCampaign } from "./election.ts";
import { checkQuorum } from "./leader.ts";
import type { Raft } from "./raft.ts";
import { tickRecovery } from "./recovering.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { maybeLeaveJoint } from "./switching.ts";
import { NOBODY } from "./types.ts";

/** Election timeouts for which a member stands back at most: then nobody else can be elected. */
const ELECTIONS_PASSED_MAX = 3;

/** One tick: followers and candidates wait for their election timeout, leaders check their quorum and send heartbeats. */
export function tick(raft: Raft): void {
  tickRecovery(raft);
  if (raft.role === "leader") tickLeader(raft);
  else tickElection(raft);
}

function tickElection(raft: Raft): void {
  raft.electionElapsed += 1;
  if (raft.electionElapsed < raft.electionTimeout || !raft.promotable()) return;
  raft.electionElapsed = 0;
  if (letsOthersStand(raft)) return;
  raft.electionsPassed = 0;
  maybeCampaign(raft, raft.config.preVote ? "preElection" : "election");
}

/** A member that stands back lets some elections pass: whoever else can be elected is by then. It no longer waits for the old leader. */
function letsOthersStand(raft: Raft): boolean {
  if (raft.electionsPassed >= ELECTIONS_PASSED_MAX || raft.config.standsBack?.() !== true)
    return false;
  raft.electionsPassed += 1;
  if (raft.leader !== NOBODY)
    raft.trace({ kind: "leaderForgotten", leader: raft.leader, term: raft.term });
  raft.leader = NOBODY;
  return true;
}

function tickLeader(raft: Raft): void {
  raft.heartbeatElapsed += 1;
  raft.electionElapsed += 1;
  if (raft.electionElapsed >= raft.config.electionTicks) {
    raft.electionElapsed = 0;
    if (raft.config.checkQuorum) checkQuorum(raft);
  }
  raft.transferElapsed += 1;
  // A transfer that takes longer than an election would have is given up: proposals are waiting (thesis §3.10).
  if (raft.transferElapsed >= raft.config.electionTicks) raft.transferee = NOBODY;
  if (raft.role === "leader" && raft.heartbeatElapsed >= raft.config.heartbeatTicks) {
    raft.heartbeatElapsed = 0;
    broadcastHeartbeat(raft);
    if (raft.transferee === NOBODY) maybeLeaveJoint(raft);
  }
}
