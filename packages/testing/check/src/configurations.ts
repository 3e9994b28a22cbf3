import type { DiskImage, StoredSlot } from "@annals/kit";
import { changeMembership, decodeMembershipChange } from "@annals/raft";
import type { Entry, MembershipState, RaftStatus, Role, Term } from "@annals/raft";
import type { WriteCycle } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";
import { isQuorum, quorumsIntersect } from "./quorum.ts";

interface Leadership {
  readonly term: Term;
  commitIndex: number;
  membership: MembershipState;
}

interface Step {
  /** Index of the entry that made it; 0 for the one that the log was born with. */
  readonly index: number;
  readonly membership: MembershipState;
}

/**
 * What must hold of memberships (Raft §6, thesis §4): one change is under way at a time, quorums of neighbouring configurations intersect,
 * and what a leader commits, or is elected by, is a quorum of the voters of the configuration in force: learners and members that are gone
 * do not count (raft.tla `CommittedOnQuorum`; `ElectionSafety` by what is on disks).
 */
export class Configurations implements Checker {
  readonly #report: Report;
  readonly #replicas: readonly Observed[];
  readonly #history: Step[];
  readonly #leads = new Map<number, Leadership>();
  /** By member: indexes of the membership entries in its log. */
  readonly #entries = new Map<number, number[]>();
  /** By which configuration the log was committed up to an index. */
  readonly #attested: Step[] = [];

  constructor(report: Report, replicas: readonly Observed[], born: MembershipState) {
    this.#report = report;
    this.#replicas = replicas;
    this.#history = [{ index: 0, membership: born }];
  }

  /** Every configuration that the committed log leads through, oldest first. */
  get history(): readonly Step[] {
    return this.#history;
  }

  /** The configuration by which the entry at `index` was seen to be committed, if a leader was seen to do so. */
  committedBy(index: number): MembershipState | undefined {
    let low = 0;
    let high = this.#attested.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#attested[middle]?.index ?? 0) >= index) high = middle;
      else low = middle + 1;
    }
    return this.#attested[low]?.membership;
  }

  /** The configuration after all entries up to `index`, which is committed. */
  inForce(index: number): Step {
    const step = this.#history.findLast((one) => one.index <= index);
    if (step === undefined) throw new RangeError(`no membership at ${index}`);
    return step;
  }

  /** An entry was committed; called in the order of the log. */
  committed({ entry }: StoredSlot): void {
    if (entry.kind !== "membership") return;
    const before = this.inForce(entry.index).membership;
    const outcome = changeMembership(before, decodeMembershipChange(entry.data));
    if (outcome.kind === "refused") {
      this.#report(
        "membership changes",
        `the change at ${entry.index} cannot be made: ${outcome.reason}`,
      );
      return;
    }
    if (!quorumsIntersect(before, outcome.membership))
      this.#report(
        "quorums intersect",
        `entry ${entry.index} leads from ${show(before)} to ${show(outcome.membership)}`,
      );
    this.#history.push({ index: entry.index, membership: outcome.membership });
  }

  started(replica: Observed): void {
    this.#leads.delete(replica.node);
    const indexes: number[] = [];
    const { stored } = replica.durable;
    for (let index = replica.durable.appliedIndex + 1; index <= stored.count; index++)
      if (stored.at(index)?.entry.kind === "membership") indexes.push(index);
    this.#entries.set(replica.node, indexes);
  }

  writing(replica: Observed, { entries }: WriteCycle): void {
    const first = entries[0]?.index;
    if (first === undefined) return;
    const kept = (this.#entries.get(replica.node) ?? []).filter((index) => index < first);
    this.#entries.set(replica.node, [...kept, ...entries.filter(isMembership).map(indexOf)]);
  }

  roleChanged(replica: Observed, role: Role, term: Term): void {
    if (role !== "leader") {
      this.#leads.delete(replica.node);
      return;
    }
    const { membership } = replica;
    const voted = this.#holders(
      ({ hardState }) =>
        hardState.term > term || (hardState.term === term && hardState.votedFor === replica.node),
    );
    if (!isQuorum(membership, (member) => voted.has(member)))
      this.#report(
        "elected by a quorum",
        `${describe(replica)} leads term ${term} of ${show(membership)} by the votes of ${[...voted].join(" ")}`,
      );
  }

  turned(replica: Observed, { role, term, commitIndex, membership }: RaftStatus): void {
    if (role !== "leader") return;
    const before = this.#leads.get(replica.node);
    if (before?.term !== term) {
      this.#leads.set(replica.node, { term, commitIndex, membership });
      return;
    }
    if (commitIndex > before.commitIndex) {
      before.commitIndex = commitIndex;
      this.#commits(replica, term, commitIndex, [before.membership, membership]);
    }
    before.membership = membership;
    this.#changesUnderWay(replica, commitIndex);
  }

  /** In a turn the commit index may rise under the configuration from before it, or under one that it put in force. */
  #commits(
    replica: Observed,
    term: Term,
    index: number,
    memberships: readonly MembershipState[],
  ): void {
    const holders = this.#holders(({ stored }) => stored.at(index)?.entry.term === term);
    const membership = memberships.find((one) => isQuorum(one, (member) => holders.has(member)));
    if (membership === undefined) {
      this.#report(
        "committed on a quorum",
        `${describe(replica)} commits ${term}/${index} by ${memberships.map(show).join(" or ")}, on the disks of ${[...holders].join(" ")}`,
      );
      return;
    }
    if (index > (this.#attested.at(-1)?.index ?? 0)) this.#attested.push({ index, membership });
  }

  #changesUnderWay(replica: Observed, commitIndex: number): void {
    const known = this.#entries.get(replica.node) ?? [];
    if (known.length < 2) return;
    const open = known.filter((index) => index > commitIndex);
    this.#entries.set(replica.node, open);
    if (open.length > 1)
      this.#report(
        "one change at a time",
        `${describe(replica)} leads with uncommitted changes at ${open.join(" ")}`,
      );
  }

  #holders(has: (image: DiskImage) => boolean): ReadonlySet<number> {
    return new Set(this.#replicas.filter(({ held }) => held.some(has)).map(({ node }) => node));
  }
}

function isMembership({ kind }: Entry): boolean {
  return kind === "membership";
}

function indexOf({ index }: Entry): number {
  return index;
}

function show({ voters, votersOutgoing }: MembershipState): string {
  return votersOutgoing.length === 0
    ? `(${voters.join(" ")})`
    : `(${voters.join(" ")}) and (${votersOutgoing.join(" ")})`;
}
