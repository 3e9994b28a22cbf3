import { invariant } from "./invariant.ts";
import { changeMembership } from "./membership.ts";
import { encodeMembershipChange } from "./membershipCodec.ts";
import { propose, releaseUncommitted } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import { answerConfirmedReads } from "./reading.ts";
import { broadcastAppend, maybeCommit, maybeSendAppend } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import {
  type LogIndex,
  type MemberId,
  type MembershipChange,
  type MembershipState,
  NOBODY,
} from "./types.ts";

const LEAVE_JOINT = {
  kind: "membership",
  data: encodeMembershipChange({
    format: 2,
    transition: "auto",
    steps: [],
    context: new Uint8Array(0),
  }),
} as const;

/** A committed change is applied. It was checked when it was proposed, so one that cannot be made now is a bug. */
export function applyChange(raft: Raft, change: MembershipChange): MembershipState {
  const outcome = changeMembership(raft.tracker.membership, change);
  invariant(
    outcome.kind === "changed",
    `a committed membership change cannot be applied: ${outcome.kind === "refused" ? outcome.reason : ""}`,
  );
  switchTo(raft, outcome.membership, outcome.added);
  return raft.tracker.membership;
}

/** The membership of a snapshot, or of the disk at start, replaces whatever was in force. */
export function installMembership(raft: Raft, membership: MembershipState): void {
  raft.tracker.clear();
  switchTo(raft, membership, []);
}

/** Everything up to `index` is applied, or covered by a snapshot that is. */
export function appliedTo(raft: Raft, index: LogIndex): void {
  const applied = index > raft.log.applied ? index : raft.log.applied;
  const payload = raft.log.appliedTo(applied);
  maybeLeaveJoint(raft);
  releaseUncommitted(raft, payload);
}

/**
 * Leaves a joint configuration that is to be left automatically, once its entry and everything before it is applied. The proposal is
 * dropped while a transfer is under way, so ticks try again: there may be nothing else to apply for long.
 */
export function maybeLeaveJoint(raft: Raft): void {
  const { membership } = raft.tracker;
  if (!membership.autoLeave || raft.role !== "leader") return;
  if (raft.log.applied < raft.pendingChangeIndex) return;
  const outcome = propose(raft, raft.id, [LEAVE_JOINT]);
  const kind = outcome.kind === "accepted" ? "autoLeaveProposed" : "autoLeaveDropped";
  raft.trace({ kind, membership });
}

function switchTo(raft: Raft, membership: MembershipState, added: readonly MemberId[]): void {
  raft.tracker.adopt(membership, added, raft.log.lastIndex);
  raft.trace({ kind: "membershipSwitched", membership });
  if (raft.role !== "leader") return;

  const own = raft.tracker.get(raft.id);
  if (own === undefined || own.learner) {
    if (raft.config.stepDownOnRemoval) becomeFollower(raft, raft.term, NOBODY);
    return;
  }
  // A smaller quorum may have more entries than the old one; if so everybody hears of it, else at least new members are probed.
  if (maybeCommit(raft)) {
    broadcastAppend(raft);
  } else {
    for (const progress of raft.tracker.members) {
      if (progress.member !== raft.id) maybeSendAppend(raft, progress, false);
    }
  }
  answerConfirmedReads(raft);
  if (raft.transferee !== NOBODY && !raft.tracker.isVoter(raft.transferee)) {
    raft.transferee = NOBODY;
  }
}
