import { TIMED_FAULTS } from "./faultKinds.ts";
import type { TimedFault } from "./faultKinds.ts";
import type { Random } from "./random.ts";
import type { SimulatedNode } from "./simulatedNode.ts";
import type { World } from "./world.ts";

/** Streams of chance: one for the moments of each kind, one for every single strike. */
const MOMENTS = 0x1_0000;
const STRIKES = 0x100_0000;
const STRIKES_OF_KIND = 0x1_0000;

/**
 * Strikes with the timed faults of the plan, each at random moments of its own rate, until it is told to stop. A strike has a name, such as
 * `crash#3`, and draws from a stream of its own, so that leaving some out changes neither when the others come nor what they do.
 */
export class FaultInjector {
  readonly #world: World;
  readonly #strikes: string[] = [];
  #stopped = false;

  constructor(world: World) {
    this.#world = world;
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
    const { nodes, journal, network, scheduler } = this.#world;
    const node = this.#victim(random);
    const electionUs = this.#electionUs();
    const note = (value: number, text?: string): void =>
      journal.note(fault, node.id, 0, value, text === undefined ? undefined : () => text);
    switch (fault) {
      case "partition": {
        if (network.partition.active) return;
        const shape = network.partition.draw(random, node.id);
        journal.note(fault, 0, 0, shape.length, () => shape);
        scheduler.after(electionUs + random.below(9 * electionUs), () => {
          if (this.#stopped) return;
          journal.note("heal", 0, 0, 0);
          network.partition.heal();
        });
        return;
      }
      case "crash":
        note(1);
        node.crashFor(random.below(4 * electionUs), random.chance(0.5));
        return;
      case "powerCut":
        journal.note(fault, 0, 0, 0);
        for (const one of nodes) one.crashFor(random.below(2 * electionUs), random.chance(0.3));
        return;
      case "stop":
        note(1);
        node.stopFor(random.below(2 * electionUs));
        return;
      case "freeze":
        note(1);
        node.freezeFor(random.below(4 * electionUs));
        return;
      case "clockJump":
        note(1);
        node.jumpClock(random.between(-3_600_000, 3_600_000));
        return;
      case "lateTick":
        note(1);
        node.delayTick(random.below(3 * electionUs));
        return;
      case "slowDisk":
        note(1);
        node.slowFlushes(random.pick([1, 10, 50]));
        return;
      case "stalledDisk":
        note(1);
        node.stallDisk(random.below(4 * electionUs));
        return;
      case "failedFlush":
        note(1);
        node.failNextFlush();
        return;
      case "fullDisk":
        note(1);
        node.fillDisk(random.below(6 * electionUs));
        return;
      case "damage":
        this.#damage(node);
        return;
      case "transfer":
        this.#transfer(random);
        return;
      case "unreachable":
        note(1);
        for (const { replica } of node.replicas)
          replica?.reportUnreachable(this.#world.member(random.pick(nodes).id));
        return;
      default:
        fault satisfies never;
    }
  }

  /** Some node, often one that leads a log: there faults hurt most. */
  #victim(random: Random): SimulatedNode {
    const { nodes } = this.#world;
    const leading = nodes.filter((node) =>
      node.replicas.some(({ replica }) => replica?.role === "leader"),
    );
    return random.pick(leading.length > 0 && random.chance(0.5) ? leading : nodes);
  }

  /** Damages at most a minority of the nodes, and each of them once: nothing repairs a damaged entry. */
  #damage(node: SimulatedNode): void {
    const { nodes, journal } = this.#world;
    const damaged = nodes.filter((one) => one.damaged).length;
    if (node.damaged || (damaged + 1) * 2 >= nodes.length) return;
    journal.note("damage", node.id, 0, 1);
    node.damage();
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
        : this.#world.member(random.pick(this.#world.nodes).id);
      const to = target.replica.transferLeadership(chosen);
      journal.note("transfer", target.node, log.number, to ?? 0);
    }
  }

  #electionUs(): number {
    const { tickMs, electionTicks } = this.#world.plan.config;
    return tickMs * electionTicks * 1000;
  }
}
