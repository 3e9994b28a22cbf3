import type { MembershipState, RaftStatus } from "@annals/raft";
import type { ReplicaConfig } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";
import { isQuorum } from "./quorum.ts";

/** A leader looks once an election timeout, at what it heard since the look before: two of them, and some more for late ticks. */
const TIMEOUTS_MAX = 4;

interface Leadership {
  readonly term: number;
  readonly membership: MembershipState;
  readonly sinceUs: number;
}

interface Surroundings {
  readonly plan: { readonly config: ReplicaConfig };
  readonly scheduler: { readonly nowUs: number };
  readonly nodes: readonly { readonly id: number; readonly lastHeldUs: number }[];
}

/** A leader that has not heard from a quorum for long has stepped down (thesis §6.2, "CheckQuorum"): somebody else may lead by now. */
export class QuorumContact implements Checker {
  readonly #report: Report;
  readonly #world: Surroundings;
  readonly #leads = new Map<number, Leadership>();
  /** By receiver and sender: when a frame last came. */
  readonly #heardUs = new Map<number, Map<number, number>>();

  constructor(report: Report, world: Surroundings) {
    this.#report = report;
    this.#world = world;
  }

  started(replica: Observed): void {
    this.#leads.delete(replica.node);
    this.#heardUs.set(replica.node, new Map());
  }

  received(replica: Observed, from: number): void {
    this.#heardUs.get(replica.node)?.set(from, this.#world.scheduler.nowUs);
  }

  turned(replica: Observed, { role, term, membership }: RaftStatus): void {
    if (role !== "leader") {
      this.#leads.delete(replica.node);
      return;
    }
    const { nowUs } = this.#world.scheduler;
    const known = this.#leads.get(replica.node);
    if (known?.term !== term || known.membership !== membership) {
      this.#leads.set(replica.node, { term, membership, sinceUs: nowUs });
      return;
    }
    const floorUs = nowUs - this.#limitUs();
    const heldUs = this.#world.nodes[replica.node - 1]?.lastHeldUs ?? 0;
    if (known.sinceUs > floorUs || heldUs > floorUs) return;
    const heard = this.#heardUs.get(replica.node);
    const isNear = (member: number): boolean =>
      member === replica.node || (heard?.get(member) ?? 0) > floorUs;
    if (!isQuorum(membership, isNear))
      this.#report(
        "check quorum",
        `${describe(replica)} leads term ${term} without having heard from a quorum since ${floorUs} µs`,
      );
  }

  #limitUs(): number {
    const { tickMs, electionTicks } = this.#world.plan.config;
    return TIMEOUTS_MAX * electionTicks * tickMs * 1000;
  }
}
