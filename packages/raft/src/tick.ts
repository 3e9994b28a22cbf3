import { maybeCampaign } from "./election.ts";
import { checkQuorum } from "./leader.ts";
import type { Raft } from "./raft.ts";
import { tickRecovery } from "./recovering.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { maybeLeaveJoint } from "./switching.ts";
import { NOBODY } from "./types.ts";

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
  maybeCampaign(raft, raft.config.preVote ? "preElection" : "election");
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
