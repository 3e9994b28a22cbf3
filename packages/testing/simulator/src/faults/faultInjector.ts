import { CYCLE_STEPS, DAMAGES } from "@annals/kit";
import type { Damage, Random } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import { CutLeader } from "./cutLeader.ts";
import { TIMED_FAULTS } from "../world/faultKinds.ts";
import type { TimedFault } from "../world/faultKinds.ts";
import { HungLeader } from "./hungLeader.ts";
import { JointCrash } from "./jointCrash.ts";
import { isMachineFault, MACHINE_FAULTS } from "./machineFaults.ts";
import type { MachineFault } from "./machineFaults.ts";
import { Operator } from "./operator.ts";
import type { Tended } from "./operator.ts";
import type { PutBackDisks } from "./putBackDisks.ts";
import type { Host, Member } from "../world/machine.ts";

/** Streams of chance: one for the moments of each kind, one for every single strike. */
const MOMENTS = 0x1_0000;
const STRIKES = 0x100_0000;
const STRIKES_OF_KIND = 0x1_0000;

const SUCCESSION_US = 1_000;
/** How often a fault of tails looks out for a machine that it suits, and how many times it does in an election timeout. */
const TAIL_LOOKS = 400;
const TAIL_LOOKS_OF_ELECTION = 40;

type ClusterFault = Exclude<TimedFault, MachineFault>;

/** A cluster that timed faults can strike. */
export interface Struck extends Tended {
  readonly putBack: PutBackDisks;
  /** The only strikes to make, by name; undefined for all. */
  readonly strikesOnly: ReadonlySet<string> | undefined;
}

/**
 * Strikes with the timed faults of the plan, each at random moments of its own rate, until it is told to stop. A strike has a name, such as
 * `crash#3`, and draws from a stream of its own, so that leaving some out changes neither when the others come nor what they do.
 */
export class FaultInjector {
  readonly #world: Struck;
  readonly #operator: Operator;
  readonly #strikes: string[] = [];
  #stopped = false;
  readonly #isOver = (): boolean => this.#stopped;

  /** Faults that strike more than a machine, by kind. Each is given one that was drawn. */
  readonly #clusterFaults: Readonly<Record<ClusterFault, (node: Host, random: Random) => void>> = {
    partition: (node, random) => this.#partition(node, random),
    cutLeader: (_node, random) => {
      const log = random.pick(this.#world.logs);
      new CutLeader(log, random, this.#electionUs(), this.#isOver).strike();
    },
    hungLeader: (_node, random) => {
      const log = random.pick(this.#world.logs);
      new HungLeader(log, random, this.#electionUs(), this.#isOver).strike();
    },
    jointCrash: (node, random) => this.#jointCrash(node, random),
    powerCut: (_node, random) => {
      this.#world.journal.note("powerCut", 0, 0, 0);
      for (const one of this.#world.inService)
        one.crashFor(random.below(2 * this.#electionUs()), random.pick(CYCLE_STEPS));
    },
    damage: (node, random) =>
      this.#damage([node], random.pick(["flipped", "misplaced"]), 1, random),
    zeroedPage: (node, random) => {
      // A page holds a handful of entries; the one at its edge may be cut in the middle.
      const nodes = random.chance(0.3) ? this.#world.inService : [node];
      this.#damage(nodes, random.pick(["zeroed", "missing"]), 8, random);
    },
    damagedTail: (node, random) =>
      this.#damageTail(node, random, random.chance(0.7) ? TAIL_LOOKS : 0),
    transfer: (_node, random) => this.#transfer(random),
    unreachable: (node, random) => this.#reportUnreachable(node, random),
    wipe: (node, random) => {
      if (this.#operator.wipe(node, random)) this.#note("wipe", node, this.#world.nodes.length);
    },
    oldDisk: (_node, random) => {
      const old = this.#operator.restoreOldDisk(random);
      if (old !== undefined) this.#note("oldDisk", old, 1);
    },
    join: (_node, random) => {
      const joining = this.#operator.join(random);
      if (joining !== undefined) this.#note("join", joining, 1);
    },
    leave: (node) => {
      if (this.#operator.leave(node)) this.#note("leave", node, 1);
    },
    putBack: (node, random) => {
      const struck = this.#world.putBack.strike(node, random, this.#electionUs());
      if (struck > 0) this.#note("putBack", node, struck);
    },
    stalledTail: (_node, random) => {
      const tails = this.#world.logs.flatMap(({ tailClients }) => tailClients);
      if (tails.length === 0) return;
      this.#world.journal.note("stalledTail", 0, 0, 1);
      random.pick(tails).stallFor(random.below(30 * this.#electionUs()));
    },
  };

  constructor(world: Struck) {
    this.#world = world;
    this.#operator = new Operator(world);
    for (const [fault, everyMs] of world.plan.everyMs) {
      const moments = world.random(MOMENTS + TIMED_FAULTS.indexOf(fault));
      this.#strikeLater(fault, 1, () => 1 + moments.exponential(everyMs * 1000));
    }
  }

  /** The strikes so far, by name. */
  get strikes(): readonly string[] {
    return this.#strikes;
  }

  stop(): void {
    this.#stopped = true;
  }

  #strikeLater(fault: TimedFault, number: number, delayUs: () => number): void {
    this.#world.scheduler.after(delayUs(), () => {
      if (this.#stopped) return;
      const name = `${fault}#${number}`;
      if (this.#world.strikesOnly?.has(name) ?? true) {
        this.#strikes.push(name);
        const stream = STRIKES + TIMED_FAULTS.indexOf(fault) * STRIKES_OF_KIND + number;
        this.#strike(fault, this.#world.random(stream));
      }
      this.#strikeLater(fault, number + 1, delayUs);
    });
  }

  #strike(fault: TimedFault, random: Random): void {
    const node = this.#victim(random);
    if (!this.#world.putBack.tolerates(fault)) return;
    if (isMachineFault(fault)) {
      this.#note(fault, node, 1);
      MACHINE_FAULTS[fault](node, random, this.#electionUs(), this.#world.plan.workers);
    } else this.#clusterFaults[fault](node, random);
  }

  #note(fault: TimedFault, node: Host, value: number): void {
    this.#world.journal.note(fault, node.id, 0, value);
  }

  #partition({ place }: Host, random: Random): void {
    const { inService, journal, network, scheduler } = this.#world;
    if (network.partition.active) return;
    const places = inService.map((one) => one.place);
    const shape = network.partition.draw(random, places, place);
    journal.note("partition", 0, 0, shape.length, () => shape);
    const electionUs = this.#electionUs();
    scheduler.after(electionUs + random.below(9 * electionUs), () => {
      if (this.#stopped) return;
      journal.note("heal", 0, 0, 0);
      network.mend();
    });
  }

  #jointCrash(node: Host, random: Random): void {
    // The change that it waits for: a disk is replaced.
    if (this.#operator.wipe(node, random)) this.#note("wipe", node, 0);
    for (const log of this.#world.logs)
      new JointCrash(log, random, this.#electionUs(), this.#isOver).strike();
  }

  /** Says, true or not, that somebody is gone, and soon after that it is time to campaign. */
  #reportUnreachable(node: Host, random: Random): void {
    const { inService, scheduler } = this.#world;
    this.#note("unreachable", node, 1);
    const { life } = node;
    for (const { replica } of node.replicas)
      replica?.reportUnreachable(asMemberId(random.pick(inService).id), true);
    scheduler.after(SUCCESSION_US, () => {
      node.run(life, () => {
        for (const { replica } of node.replicas) replica?.campaign();
      });
    });
  }

  /** On one machine, or on all at once, in different places. Some of it is found soon, by a scrub. */
  #damage(nodes: readonly Host[], damage: Damage, entriesMax: number, random: Random): void {
    const { journal, scheduler } = this.#world;
    const scrubUs = random.chance(0.5) ? random.below(10 * this.#electionUs()) : undefined;
    for (const node of nodes) {
      if (!this.#operator.damage(node, damage, random.between(1, entriesMax), random)) continue;
      journal.note(entriesMax === 1 ? "damage" : "zeroedPage", node.id, 0, 1, () => damage);
      if (scrubUs !== undefined) scheduler.after(scrubUs, () => node.scrub());
    }
  }

  /** Lies in wait for a log that has what the others will never have; it is found soon, before it is overwritten. */
  #damageTail(node: Host, random: Random, looks: number): void {
    if (this.#stopped) return;
    const { journal, scheduler, inService } = this.#world;
    const stray = inService.flatMap(({ replicas }) => replicas).find((one) => this.#isStray(one));
    if (stray === undefined && looks > 0) {
      const againUs = Math.ceil(this.#electionUs() / TAIL_LOOKS_OF_ELECTION);
      scheduler.after(againUs, () => this.#damageTail(node, random, looks - 1));
      return;
    }
    const target = stray ?? random.pick(node.replicas);
    const damage = random.pick(DAMAGES);
    if (!this.#operator.damageTail(target, damage, random.between(1, 4))) return;
    journal.note("damagedTail", target.node, target.log, stray === undefined ? 0 : 1, () => damage);
    target.host.scrub();
  }

  /** Whether another entry is committed in the place of its last one. */
  #isStray({ log, durable }: Member): boolean {
    const { committed } = this.#world.logs[log - 1] ?? {};
    const { last } = durable.stored;
    if (last === undefined || committed === undefined) return false;
    return last.entry.index <= committed.count && !committed.agrees(last);
  }

  /** Some node, often one that leads a log: there faults hurt most. */
  #victim(random: Random): Host {
    const { inService } = this.#world;
    const leading = inService.filter((node) =>
      node.replicas.some(({ replica }) => replica?.role === "leader"),
    );
    return random.pick(leading.length > 0 && random.chance(0.5) ? leading : inService);
  }

  #transfer(random: Random): void {
    const { logs, journal } = this.#world;
    const log = random.pick(logs);
    for (const target of log.replicas) {
      if (target.replica?.role !== "leader" || target.closing || target.failure !== undefined)
        continue;
      if (target.host.frozen) continue;
      const chosen = random.chance(0.5)
        ? undefined
        : asMemberId(random.pick(this.#world.inService).id);
      const to = target.replica.transferLeadership(chosen);
      journal.note("transfer", target.node, log.number, to ?? 0);
      this.#disturbTransfer(target, to, random);
    }
  }

  /** Now and then one of the two does not live to see it, or stands still until the leader has given up. */
  #disturbTransfer(leader: Member, to: number | undefined, random: Random): void {
    const { inService, scheduler, plan } = this.#world;
    const how = random.pick(["not", "crash", "freeze"]);
    const successor = inService.find(({ id }) => id === to);
    if (how === "freeze" && successor !== leader.host)
      successor?.freezeFor(random.between(1, 3) * this.#electionUs());
    if (how !== "crash") return;
    const { life } = leader.host;
    const step = random.pick(CYCLE_STEPS);
    const downUs = random.below(2 * this.#electionUs());
    scheduler.after(random.below(2 * plan.latencyUs.mean), () =>
      leader.host.run(life, () => leader.host.crashFor(downUs, step)),
    );
  }

  #electionUs(): number {
    const { tickMs, electionTicks } = this.#world.plan.config;
    return tickMs * electionTicks * 1000;
  }
}
