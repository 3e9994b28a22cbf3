import type { Raft } from "./raft.ts";
import { maybeSendAppend, sendTimeoutNow } from "./replication.ts";
import { type MemberId, NOBODY } from "./types.ts";

/** Hands leadership over, or passes the wish on to the leader (thesis §3.10). `from` is whoever asked. */
export function requestTransfer(raft: Raft, from: MemberId, to: MemberId): void {
  if (raft.role === "leader") {
    transferAsLeader(raft, to);
  } else if (raft.role === "follower") {
    if (raft.leader === NOBODY) {
      raft.trace({ kind: "transferRefused", reason: "noLeader", term: raft.term });
      return;
    }
    raft.send({
      kind: "transferLeadership",
      from,
      to: raft.leader,
      term: raft.term,
      transferee: to,
    });
  }
}

/** Stops taking proposals, brings the successor up to date, and tells it to campaign; gives up after one election timeout. */
function transferAsLeader(raft: Raft, to: MemberId): void {
  const progress = raft.tracker.get(to);
  const term = raft.term;
  if (progress === undefined) {
    raft.trace({ kind: "memberUnknown", member: to });
    return;
  }
  if (progress.learner) {
    raft.trace({ kind: "transferRefused", reason: "learner", term });
    return;
  }
  const previous = raft.transferee;
  if (previous === to) {
    raft.trace({ kind: "transferRepeated", to, term });
    return;
  }
  if (previous !== NOBODY) {
    raft.transferee = NOBODY;
    raft.trace({ kind: "transferAborted", to: previous, term });
  }
  if (to === raft.id) {
    raft.trace({ kind: "transferRefused", reason: "self", term });
    return;
  }
  raft.trace({ kind: "transferStarted", to, term });
  raft.transferElapsed = 0;
  raft.transferee = to;
  if (progress.matchIndex === raft.log.lastIndex) sendTimeoutNow(raft, to, false);
  else maybeSendAppend(raft, progress, true);
}
