import { CYCLE_STEPS } from "@annals/kit";
import { DAMAGES } from "@annals/kit";
import type { Damage } from "@annals/kit";
import { CutLeader } from "./cutLeader.ts";
import { TIMED_FAULTS } from "./faultKinds.ts";
import type { TimedFault } from "./faultKinds.ts";
import { HungLeader } from "./hungLeader.ts";
import { JointCrash } from "./jointCrash.ts";
import { isMachineFault, MACHINE_FAULTS } from "./machineFaults.ts";
import { Operator } from "./operator.ts";
import type { Random } from "@annals/kit";
import type { SimulatedNode } from "./simulatedNode.ts";
import type { SimulatedReplica } from "./simulatedReplica.ts";
import type { World } from "./world.ts";

/** Streams of chance: one for the moments of each kind, one for every single strike. */
const MOMENTS = 0x1_0000;
const STRIKES = 0x100_0000;
const STRIKES_OF_KIND = 0x1_0000;

const SUCCESSION_US = 1_000;
/** How often a fault of tails looks out for a machine that it suits, and how many times it does in an election timeout. */
const TAIL_LOOKS = 400;
const TAIL_LOOKS_OF_ELECTION = 40;

/**
 * Strikes with the timed faults of the plan, each at random moments of its own rate, until it is told to stop. A strike has a name, such as
 * `crash#3`, and draws from a stream of its own, so that leaving some out changes neither when the others come nor what they do.
 */
export class FaultInjector {
  readonly #world: World;
  readonly #operator: Operator;
  readonly #strikes: string[] = [];
  #stopped = false;

  constructor(world: World) {
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
    const { inService, journal, network, scheduler } = this.#world;
    const node = this.#victim(random);
    const electionUs = this.#electionUs();
    if (!this.#world.putBack.tolerates(fault)) return;
    const note = (value: number, text?: string): void =>
      journal.note(fault, node.id, 0, value, text === undefined ? undefined : () => text);
    if (isMachineFault(fault)) {
      note(1);
      MACHINE_FAULTS[fault](node, random, electionUs, this.#world.plan.workers);
      return;
    }
    switch (fault) {
      case "partition": {
        if (network.partition.active) return;
        const shape = network.partition.draw(
          random,
          inService.map(({ place }) => place),
          node.place,
        );
        journal.note(fault, 0, 0, shape.length, () => shape);
        scheduler.after(electionUs + random.below(9 * electionUs), () => {
          if (this.#stopped) return;
          journal.note("heal", 0, 0, 0);
          network.mend();
        });
        return;
      }
      case "cutLeader": {
        const log = random.pick(this.#world.logs);
        new CutLeader(log, random, electionUs, () => this.#stopped).strike();
        return;
      }
      case "hungLeader": {
        const log = random.pick(this.#world.logs);
        new HungLeader(log, random, electionUs, () => this.#stopped).strike();
        return;
      }
      case "jointCrash": {
        // The change that it waits for: a disk is replaced.
        if (this.#operator.wipe(node, random)) journal.note("wipe", node.id, 0, 0);
        for (const log of this.#world.logs)
          new JointCrash(log, random, electionUs, () => this.#stopped).strike();
        return;
      }
      case "powerCut":
        journal.note(fault, 0, 0, 0);
        for (const one of inService)
          one.crashFor(random.below(2 * electionUs), random.pick(CYCLE_STEPS));
        return;
      case "damage":
        this.#damage([node], random.pick(["flipped", "misplaced"]), 1, random);
        return;
      case "zeroedPage":
        // A page holds a handful of entries; the one at its edge may be cut in the middle.
        this.#damage(
          random.chance(0.3) ? inService : [node],
          random.pick(["zeroed", "missing"]),
          8,
          random,
        );
        return;
      case "damagedTail":
        this.#damageTail(node, random, random.chance(0.7) ? TAIL_LOOKS : 0);
        return;
      case "transfer":
        this.#transfer(random);
        return;
      case "unreachable":
        note(1);
        const { life } = node;
        // True or not: that somebody is gone, and, when that has sunk in, that it is time to succeed the leader.
        for (const { replica } of node.replicas)
          replica?.reportUnreachable(this.#world.member(random.pick(inService).id), true);
        this.#world.scheduler.after(SUCCESSION_US, () => {
          node.run(life, () => {
            for (const { replica } of node.replicas) replica?.campaign();
          });
        });
        return;
      case "wipe":
        if (this.#operator.wipe(node, random)) note(this.#world.nodes.length);
        return;
      case "oldDisk": {
        const old = this.#operator.restoreOldDisk(random);
        if (old !== undefined) journal.note(fault, old.id, 0, 1);
        return;
      }
      case "join": {
        const joining = this.#operator.join(random);
        if (joining !== undefined) journal.note(fault, joining.id, 0, 1);
        return;
      }
      case "leave":
        if (this.#operator.leave(node)) note(1);
        return;
      case "putBack": {
        const struck = this.#world.putBack.strike(node, random, electionUs);
        if (struck > 0) note(struck);
        return;
      }
      case "stalledTail": {
        const tails = this.#world.logs.flatMap(({ tailClients }) => tailClients);
        if (tails.length === 0) return;
        journal.note(fault, 0, 0, 1);
        random.pick(tails).stallFor(random.below(30 * electionUs));
        return;
      }
      default:
        fault satisfies never;
    }
  }

  /** On one machine, or on all at once, in different places. Some of it is found soon, by a scrub. */
  #damage(
    nodes: readonly SimulatedNode[],
    damage: Damage,
    entriesMax: number,
    random: Random,
  ): void {
    const { journal, scheduler } = this.#world;
    const scrubUs = random.chance(0.5) ? random.below(10 * this.#electionUs()) : undefined;
    for (const node of nodes) {
      if (!this.#operator.damage(node, damage, random.between(1, entriesMax), random)) continue;
      journal.note(entriesMax === 1 ? "damage" : "zeroedPage", node.id, 0, 1, () => damage);
      if (scrubUs !== undefined) scheduler.after(scrubUs, () => node.scrub());
    }
  }

  /** Lies in wait for a log that has what the others will never have; it is found soon, before it is overwritten. */
  #damageTail(node: SimulatedNode, random: Random, looks: number): void {
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
  #isStray({ log, durable }: SimulatedReplica): boolean {
    const { committed } = this.#world.logs[log - 1] ?? {};
    const { last } = durable.stored;
    if (last === undefined || committed === undefined) return false;
    return last.entry.index <= committed.count && !committed.agrees(last);
  }

  /** Some node, often one that leads a log: there faults hurt most. */
  #victim(random: Random): SimulatedNode {
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
        : this.#world.member(random.pick(this.#world.inService).id);
      const to = target.replica.transferLeadership(chosen);
      journal.note("transfer", target.node, log.number, to ?? 0);
      this.#disturbTransfer(target, to, random);
    }
  }

  /** Now and then one of the two does not live to see it, or stands still until the leader has given up. */
  #disturbTransfer(leader: SimulatedReplica, to: number | undefined, random: Random): void {
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
