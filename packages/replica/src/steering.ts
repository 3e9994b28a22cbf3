import { asIndex } from "@annals/raft";
import type { LogIndex, MemberId, MembershipChange, RaftCore } from "@annals/raft";
import { furthestFollower } from "./peers.ts";

interface SteeringOptions {
  readonly self: MemberId;
  readonly core: RaftCore;
  /** Whether the log is led here and what is derived from it is exact. */
  readonly accepting: () => boolean;
  readonly appliedIndex: () => LogIndex;
}

/** Who leads the log, and who belongs to it, as far as this replica is asked to change that. */
export class Steering {
  readonly #options: SteeringOptions;
  /** Where the last membership change was proposed; the next one waits until it is applied. */
  #membershipIndex: LogIndex = asIndex(0);

  constructor(options: SteeringOptions) {
    this.#options = options;
  }

  /** Hands leadership to `to`, or to the follower that is furthest; returns whom, or undefined if there is nobody or it does not lead. */
  transferLeadership(to: MemberId | undefined): MemberId | undefined {
    const { core, self } = this.#options;
    const status = core.status();
    if (status.role !== "leader") return undefined;
    const target = to ?? furthestFollower(status, self);
    if (target !== undefined) core.transferLeadership(target);
    return target;
  }

  /** Proposes a membership change, unless one is still under way. */
  proposeMembership(change: MembershipChange): void {
    const { core, accepting, appliedIndex } = this.#options;
    if (!accepting() || appliedIndex() < this.#membershipIndex) return;
    const outcome = core.proposeMembership(change);
    if (outcome.kind === "accepted") this.#membershipIndex = outcome.lastIndex;
  }
}
