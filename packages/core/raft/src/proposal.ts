import { payloadBytes } from "./entrySize.ts";
import { decodeOrUndefined } from "./membershipCodec.ts";
import { changeMembership, isJoint } from "./membership.ts";
import type { ChangeRefusal, ProposeOutcome } from "./outcome.ts";
import type { Raft } from "./raft.ts";
import { broadcastAppend } from "./replication.ts";
import {
  asIndex,
  asTerm,
  type Entry,
  type EntryKind,
  type MemberId,
  type MembershipChange,
  NOBODY,
} from "./types.ts";

/** An entry to be, before the leader gives it an index and a term. */
export interface Proposal {
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

const NOOP: Proposal = { kind: "noop", data: new Uint8Array(0) };

/** Appends here on a leader, passes on to the leader from a follower. `from` is whoever asked first. */
export function propose(
  raft: Raft,
  from: MemberId,
  proposals: readonly Proposal[],
): ProposeOutcome {
  if (proposals.length === 0) return { kind: "dropped", reason: "malformed" };
  if (raft.role === "leader") return proposeAsLeader(raft, proposals);
  const term = raft.term;
  if (raft.role !== "follower" || raft.leader === NOBODY) {
    raft.trace({ kind: "proposalDropped", reason: "noLeader", term, other: NOBODY });
    return { kind: "dropped", reason: "noLeader" };
  }
  if (raft.config.disableProposalForwarding) {
    raft.trace({ kind: "proposalDropped", reason: "forwardingDisabled", term, other: raft.leader });
    return { kind: "dropped", reason: "forwardingDisabled" };
  }
  // Term 0: a proposal belongs to no term until a leader appends it.
  raft.send({ kind: "propose", from, to: raft.leader, term: asTerm(0), entries: proposals });
  return { kind: "forwarded" };
}

function proposeAsLeader(raft: Raft, proposals: readonly Proposal[]): ProposeOutcome {
  // Removed while leading: what it would append it could not count itself for.
  if (raft.tracker.get(raft.id) === undefined) return { kind: "dropped", reason: "notMember" };
  if (raft.transferee !== NOBODY) {
    raft.trace({
      kind: "proposalDropped",
      reason: "transferring",
      term: raft.term,
      other: raft.transferee,
    });
    return { kind: "dropped", reason: "transferring" };
  }
  const pendingBefore = raft.pendingChangeIndex;
  const checked = checkChanges(raft, proposals);
  const appended = checked === undefined ? undefined : appendAsLeader(raft, checked.proposals);
  if (checked === undefined || appended === undefined) {
    raft.pendingChangeIndex = pendingBefore;
    return { kind: "dropped", reason: checked === undefined ? "malformed" : "uncommittedLimit" };
  }
  broadcastAppend(raft);
  return { kind: "accepted", ...appended, refusedChange: checked.refused };
}

/**
 * Gives the entries their places and appends them; undefined if that would exceed the limit on uncommitted bytes. The leader acknowledges
 * them to itself like a follower, after its own flush: it may be missing in the quorum (thesis §10.2.1).
 */
export function appendAsLeader(
  raft: Raft,
  proposals: readonly Proposal[],
): Pick<Extract<ProposeOutcome, { kind: "accepted" }>, "firstIndex" | "lastIndex"> | undefined {
  if (!admit(raft, payloadBytes(proposals))) return undefined;
  const firstIndex = asIndex(raft.log.lastIndex + 1);
  const entries: Entry[] = [];
  for (const { kind, data } of proposals) {
    entries.push({ index: asIndex(firstIndex + entries.length), term: raft.term, kind, data });
  }
  raft.log.append(entries);
  const lastIndex = raft.log.lastIndex;
  raft.acknowledge(raft.id, lastIndex);
  return { firstIndex, lastIndex };
}

/** Entries up to some index were applied: their payload no longer counts as uncommitted. */
export function releaseUncommitted(raft: Raft, payload: number): void {
  raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - payload);
}

/** One oversized proposal passes when nothing else is uncommitted, and empty ones always do: a term must be able to begin. */
function admit(raft: Raft, payload: number): boolean {
  const limit = raft.config.maxUncommittedBytes;
  if (
    limit !== 0 &&
    raft.uncommittedBytes > 0 &&
    payload > 0 &&
    raft.uncommittedBytes + payload > limit
  ) {
    raft.trace({
      kind: "proposalDropped",
      reason: "uncommittedLimit",
      term: raft.term,
      other: NOBODY,
    });
    return false;
  }
  raft.uncommittedBytes += payload;
  return true;
}

interface CheckedProposals {
  readonly proposals: readonly Proposal[];
  readonly refused: ChangeRefusal | undefined;
}

/**
 * One membership change at a time: a change that cannot be made now becomes an empty entry, so that the indexes of its neighbours do not
 * depend on it.
 */
function checkChanges(raft: Raft, proposals: readonly Proposal[]): CheckedProposals | undefined {
  if (!proposals.some((proposal) => proposal.kind === "membership")) {
    return { proposals, refused: undefined };
  }
  let refused: ChangeRefusal | undefined;
  const checked: Proposal[] = [];
  for (const proposal of proposals) {
    if (proposal.kind !== "membership") {
      checked.push(proposal);
      continue;
    }
    const change = decodeOrUndefined(proposal.data);
    if (change === undefined) return undefined;
    const refusal = refuseChange(raft, change);
    if (refusal === undefined || raft.config.disableMembershipValidation) {
      raft.pendingChangeIndex = asIndex(raft.log.lastIndex + checked.length + 1);
      checked.push(proposal);
    } else {
      raft.trace({
        kind: "changeRefused",
        change,
        membership: raft.tracker.membership,
        reason: refusal,
        pendingIndex: raft.pendingChangeIndex,
        applied: raft.log.applied,
      });
      refused = refusal;
      checked.push(NOOP);
    }
  }
  return { proposals: checked, refused };
}

function refuseChange(raft: Raft, change: MembershipChange): ChangeRefusal | undefined {
  if (raft.pendingChangeIndex > raft.log.applied) return "pending";
  const { membership } = raft.tracker;
  const joint = isJoint(membership);
  const leaves = change.steps.length === 0;
  if (joint && !leaves) return "jointNeedsLeaving";
  if (!joint && leaves) return "notJoint";
  // With nothing pending, the membership in force is what the change will be made to. One that cannot be made, such as the removal of
  // all voters, must not be committed: everybody would have to stop at it.
  return changeMembership(membership, change).kind === "refused" ? "impossible" : undefined;
}
