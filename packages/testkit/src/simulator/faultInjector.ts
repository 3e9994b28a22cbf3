import type { TimedFault } from "./faultKinds.ts";
import type { Random } from "./random.ts";
import type { SimulatedNode } from "./simulatedNode.ts";
import type { World } from "./world.ts";

/** Strikes with the timed faults of the plan, each at random moments of its own rate, until it is told to stop. */
export class FaultInjector {
  readonly #world: World;
  readonly #random: Random;
  #stopped = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random(3);
    for (const [fault, everyMs] of world.plan.everyMs) this.#strikeLater(fault, everyMs);
  }

  stop(): void {
    this.#stopped = true;
  }

  #strikeLater(fault: TimedFault, everyMs: number): void {
    this.#world.scheduler.after(1 + this.#random.exponential(everyMs * 1000), () => {
      if (this.#stopped) return;
      this.#strike(fault);
      this.#strikeLater(fault, everyMs);
    });
  }

  #strike(fault: TimedFault): void {
    const { nodes, journal, network, scheduler } = this.#world;
    const node = this.#victim();
    const electionUs = this.#electionUs();
    const note = (value: number, text?: string): void =>
      journal.note(fault, node.id, 0, value, text === undefined ? undefined : () => text);
    switch (fault) {
      case "partition": {
        if (network.partition.active) return;
        const shape = network.partition.draw(this.#random, node.id);
        journal.note(fault, 0, 0, shape.length, () => shape);
        scheduler.after(electionUs + this.#random.below(9 * electionUs), () => {
          if (this.#stopped) return;
          journal.note("heal", 0, 0, 0);
          network.partition.heal();
        });
        return;
      }
      case "crash":
        note(1);
        node.crashFor(this.#random.below(4 * electionUs), this.#random.chance(0.5));
        return;
      case "powerCut":
        journal.note(fault, 0, 0, 0);
        for (const one of nodes)
          one.crashFor(this.#random.below(2 * electionUs), this.#random.chance(0.3));
        return;
      case "stop":
        note(1);
        node.stopFor(this.#random.below(2 * electionUs));
        return;
      case "freeze":
        note(1);
        node.freezeFor(this.#random.below(4 * electionUs));
        return;
      case "clockJump":
        note(1);
        node.jumpClock(this.#random.between(-3_600_000, 3_600_000));
        return;
      case "lateTick":
        note(1);
        node.delayTick(this.#random.below(3 * electionUs));
        return;
      case "slowDisk":
        note(1);
        node.slowFlushes(this.#random.pick([1, 10, 50]));
        return;
      case "stalledDisk":
        note(1);
        node.stallDisk(this.#random.below(4 * electionUs));
        return;
      case "failedFlush":
        note(1);
        node.failNextFlush();
        return;
      case "fullDisk":
        note(1);
        node.fillDisk(this.#random.below(6 * electionUs));
        return;
      case "damage":
        this.#damage(node);
        return;
      case "transfer":
        this.#transfer();
        return;
      case "unreachable":
        note(1);
        for (const { replica } of node.replicas)
          replica?.reportUnreachable(this.#world.member(this.#random.pick(nodes).id));
        return;
      default:
        fault satisfies never;
    }
  }

  /** Some node, often one that leads a log: there faults hurt most. */
  #victim(): SimulatedNode {
    const { nodes } = this.#world;
    const leading = nodes.filter((node) =>
      node.replicas.some(({ replica }) => replica?.role === "leader"),
    );
    return this.#random.pick(leading.length > 0 && this.#random.chance(0.5) ? leading : nodes);
  }

  /** Damages at most a minority of the nodes, and each of them once: nothing repairs a damaged entry. */
  #damage(node: SimulatedNode): void {
    const { nodes, journal } = this.#world;
    const damaged = nodes.filter((one) => one.damaged).length;
    if (node.damaged || (damaged + 1) * 2 >= nodes.length) return;
    journal.note("damage", node.id, 0, 1);
    node.damage();
  }

  #transfer(): void {
    const { logs, journal } = this.#world;
    const log = this.#random.pick(logs);
    for (const target of log.replicas) {
      if (target.replica?.role !== "leader" || target.closing || target.failure !== undefined)
        continue;
      if (target.host.frozen) continue;
      const chosen = this.#random.chance(0.5)
        ? undefined
        : this.#world.member(this.#random.pick(this.#world.nodes).id);
      const to = target.replica.transferLeadership(chosen);
      journal.note("transfer", target.node, log.number, to ?? 0);
    }
  }

  #electionUs(): number {
    const { tickMs, electionTicks } = this.#world.plan.config;
    return tickMs * electionTicks * 1000;
  }
}
