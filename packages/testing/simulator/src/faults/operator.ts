import { CYCLE_STEPS } from "@annals/kit";
import type { Damage, Random } from "@annals/kit";
import { asIndex } from "@annals/raft";
import { isIntactOn, keepsEveryEntry } from "./intactCopies.ts";
import { sustains } from "./quorums.ts";
import type { Host, Member, Succession } from "../world/machine.ts";
import type { Cluster } from "../world/cluster.ts";
import type { Logs } from "../world/log.ts";

/** A cluster that can be tended: machines come and go, and the logs live on. */
export type Tended = Cluster & Logs & Succession;

/** Places that a cluster may grow to. */
const PLACES_MAX = 7;
/** Machines of one run, those in the attic included. */
const MACHINES_MAX = 60;

/**
 * Whoever tends the machines: replaces disks, puts old ones back, adds and removes nodes, and lets nobody take away for good what a quorum
 * needs. All of it is legitimate: a cluster must live through it.
 */
export class Operator {
  readonly #world: Tended;
  readonly #electionUs: number;

  constructor(world: Tended) {
    this.#world = world;
    const { tickMs, electionTicks } = world.plan.config;
    this.#electionUs = tickMs * electionTicks * 1000;
  }

  /** The disks of a node are lost: it comes back as a machine that knows nothing, with a member id of its own. */
  wipe(node: Host, random: Random): boolean {
    const { nodes, mutant } = this.#world;
    if (node.replaced || nodes.length >= MACHINES_MAX || !this.mayLose(node)) return false;
    if (mutant?.wipedKeepsId === true) {
      node.blank();
      node.crashFor(random.below(2 * this.#electionUs), "begun");
      return true;
    }
    this.#startLater(this.#world.succeed(node), random);
    return true;
  }

  /**
   * Bit rot in committed entries of some log, up to so many neighbours, as far as each stays intact on another disk. Found when it is next
   * read after a restart, or when the log is read through.
   */
  damage(node: Host, damage: Damage, entries: number, random: Random): boolean {
    if (node.lost) return false;
    const { disk, durable, log, id } = random.pick(node.replicas);
    const { commitIndex } = durable.hardState;
    const under = this.#world.logs[log - 1];
    if (commitIndex < 1 || under === undefined) return false;
    const others = new Set(this.#intact());
    others.delete(id);
    const first = 1 + random.below(commitIndex);
    const before = disk.damaged.size;
    for (let index = first; index < first + entries && index <= commitIndex; index++)
      if (isIntactOn(under, index, others)) disk.damageEntry(asIndex(index), damage);
    if (disk.damaged.size === before) return false;
    const wanted = this.#world.wanted();
    const whole = wanted.filter(
      (member) => under.replicas[member - 1]?.disk.damaged.size === 0,
    ).length;
    if (2 * whole <= wanted.length) this.#world.journal.note("helical", id, log, whole);
    return true;
  }

  /**
   * Bit rot in the last entries of a log that its disk does not know to be committed. It may turn out that others were committed in their
   * place, and then the disk must be given up: so only where the rest can do without it, and are as many as it has heard of.
   */
  damageTail({ host, disk, durable }: Member, damage: Damage, entries: number): boolean {
    const uncertain = this.#world.inService.filter((one) => one.uncertain).length;
    if (host.lost || this.#world.nodes.length + uncertain >= MACHINES_MAX) return false;
    if (host.roster.members().length > this.#world.wanted().length) return false;
    const last = durable.stored.count;
    const first = Math.max(durable.hardState.commitIndex + 1, last - entries + 1);
    if (first > last || !this.mayLose(host)) return false;
    for (let index = first; index <= last; index++) disk.damageEntry(asIndex(index), damage);
    return true;
  }

  /** Somebody starts a node on the disks that it had before it was wiped, while the newer machine runs, or instead of it. */
  restoreOldDisk(random: Random): Host | undefined {
    const { nodes } = this.#world;
    const attic = nodes.filter(({ replaced, damaged, dead }) => replaced && !damaged && !dead);
    if (attic.length === 0) return undefined;
    const old = random.pick(attic);
    const upUs = random.below(10 * this.#electionUs);
    const instead = random.chance(0.5);
    if (instead) this.#world.newestAt(old.place)?.crashFor(upUs, random.pick(CYCLE_STEPS));
    old.returnFor(upUs);
    return old;
  }

  /** A node at a new place. Only when nothing of the kind is under way, as an operator would. */
  join(random: Random): Host | undefined {
    const { nodes, inService, leaving } = this.#world;
    const taken = inService.filter(({ id }) => !leaving.has(id)).length;
    if (taken >= PLACES_MAX || nodes.length >= MACHINES_MAX || !this.#atRest()) return undefined;
    const place = Math.max(...inService.map((node) => node.place)) + 1;
    const node = this.#world.addMachine(place);
    if (sustains(this.#world, this.#intact())) {
      this.#startLater(node, random);
      return node;
    }
    this.#world.giveUp(node);
    return undefined;
  }

  /** A node is no more wanted. It runs on and hears that it is no member. Nobody takes one away while a repair may need its word. */
  leave(node: Host): boolean {
    const { leaving, inService } = this.#world;
    if (inService.some(({ uncertain }) => uncertain)) return false;
    if (node.lost || leaving.has(node.id) || this.#world.wanted().length < 2) return false;
    if (!this.#atRest()) return false;
    leaving.add(node.id);
    if (sustains(this.#world, this.#intact()) && keepsEveryEntry(this.#world, this.#intact()))
      return true;
    leaving.delete(node.id);
    return false;
  }

  /** Whether all others can go on if this one never comes back. */
  mayLose(node: Host): boolean {
    const rest = new Set(this.#intact());
    rest.delete(node.id);
    return node.lost || (sustains(this.#world, rest) && keepsEveryEntry(this.#world, rest));
  }

  /** Every log has the voters that are wanted. */
  #atRest(): boolean {
    const wanted = this.#world.wanted().join(" ");
    return this.#world.logs.every(({ configurations, committed }) => {
      const { voters, votersOutgoing } = configurations.inForce(committed.count).membership;
      return votersOutgoing.length === 0 && voters.join(" ") === wanted;
    });
  }

  #intact(): ReadonlySet<number> {
    const intact = this.#world.inService.filter(({ lost, uncertain }) => !lost && !uncertain);
    return new Set(intact.map(({ id }) => id));
  }

  #startLater(node: Host, random: Random): void {
    this.#world.scheduler.after(random.below(4 * this.#electionUs), () => node.start());
  }
}
