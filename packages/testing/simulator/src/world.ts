import { TrueTime } from "@annals/check";
import type { Report, Violation } from "@annals/check";
import { Random } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { Journal } from "./world/journal.ts";
import { LogUnderTest } from "./machines/logUnderTest.ts";
import type { ChanceFault } from "./world/faultKinds.ts";
import type { Mutant } from "./world/mutant.ts";
import { Network } from "./world/network.ts";
import type { Plan } from "./world/plan.ts";
import { PutBackDisks } from "./faults/putBackDisks.ts";
import { Scheduler } from "./world/scheduler.ts";
import { SimulatedNode } from "./machines/simulatedNode.ts";
import type { SimulatedReplica } from "./machines/simulatedReplica.ts";
import type { Struck } from "./faults/faultInjector.ts";
import type { WorldOptions } from "./world/schedule.ts";

/** One simulated cluster: time, network, machines and the logs on them. Nothing in here knows the real time or real chance. */
export class World implements Struck {
  readonly plan: Plan;
  readonly mutant: Mutant | undefined;
  readonly scheduler: Scheduler = new Scheduler();
  readonly journal: Journal;
  readonly network: Network;
  readonly #nodes: SimulatedNode[] = [];
  /** Members that are to leave, or have left. */
  readonly leaving: Set<number> = new Set();
  readonly #inService = new Map<number, SimulatedNode>();
  readonly logs: readonly LogUnderTest[];
  readonly report: Report;
  readonly putBack: PutBackDisks;
  readonly trueTime: TrueTime;
  readonly strikesOnly: ReadonlySet<string> | undefined;
  #violation: Violation | undefined;
  /** Logs of nodes in repair at present. */
  repairs = 0;
  #requests = 0;
  #blobs = 20;

  constructor(plan: Plan, options: WorldOptions = {}) {
    const nodes = options.mutant?.nodes ?? plan.nodes;
    this.plan = { ...withoutChances(plan, options.without ?? new Set()), nodes };
    this.strikesOnly = options.strikesOnly;
    this.mutant = options.mutant;
    this.journal = new Journal(() => this.scheduler.nowUs, options.keepsLines ?? false);
    this.putBack = new PutBackDisks(this);
    this.report = (rule, text) => {
      if (rule === options.mutant?.excuses || this.putBack.excuses(rule)) return;
      this.#violation ??= { rule, text };
      this.journal.say(0, 0, `BROKEN ${rule}: ${text}`);
    };
    this.trueTime = new TrueTime(this.report, () => this.scheduler.nowUs / 1000);
    this.network = new Network(this);
    const born = numbersTo(nodes).map(asMemberId);
    this.logs = numbersTo(plan.logs).map((number) => new LogUnderTest(number, this, born));
    for (const place of born) this.addMachine(place);
  }

  /** Every machine that there ever was, by its number, which is its member id as well: a wiped one is followed by another. */
  get nodes(): readonly SimulatedNode[] {
    return this.#nodes;
  }

  /** The newest machine of each place. */
  get inService(): readonly SimulatedNode[] {
    return [...this.#inService.values()];
  }

  /** Which member was at which place when the cluster was born. */
  get bornAt(): ReadonlyMap<number, MemberId> {
    return new Map(numbersTo(this.plan.nodes).map((place) => [place, asMemberId(place)]));
  }

  /** A machine with empty disks, switched off yet, at a new place or in the place of the one that was there. */
  addMachine(place: number): SimulatedNode {
    const node = new SimulatedNode(this.#nodes.length + 1, place, this);
    this.#nodes.push(node);
    this.#inService.set(place, node);
    for (const log of this.logs) node.replicas.push(log.addReplica(node));
    return node;
  }

  /** The disks of a machine are gone or given up: one with empty disks has its place, switched off yet. */
  succeed(node: SimulatedNode): SimulatedNode {
    for (const { configurations, committed, rareStates } of this.logs)
      rareStates.replaced(node.id, configurations.inForce(committed.count).membership);
    node.replace();
    return this.addMachine(node.place);
  }

  /** A machine that was never switched on is taken away again. */
  giveUp(node: SimulatedNode): void {
    node.replace();
    this.#inService.delete(node.place);
  }

  /** Whom every log has as its voters once all that was asked for is done, ascending. */
  wanted(): readonly MemberId[] {
    const wanted = this.inService.filter(({ id }) => !this.leaving.has(id));
    return wanted.map(({ id }) => asMemberId(id)).toSorted((a, b) => a - b);
  }

  newestAt(place: number): SimulatedNode | undefined {
    return this.#inService.get(place);
  }

  /** The first rule that was broken. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** A stream of chance of its own. */
  random(stream: number): Random {
    return new Random(this.plan.seed, 0x1000 + stream);
  }

  /** A number that no request had before. */
  nextRequest(): number {
    return ++this.#requests;
  }

  /** The number of a blob that nobody named before; lower ones are named again and again. */
  nextBlob(): number {
    return ++this.#blobs;
  }

  replica(log: number, node: number): SimulatedReplica {
    const replica = this.logs[log - 1]?.replicas[node - 1];
    if (replica === undefined) throw new RangeError(`no node ${node} or no log ${log}`);
    return replica;
  }
}

function numbersTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function withoutChances(plan: Plan, without: ReadonlySet<ChanceFault>): Plan {
  const kept = [...plan.chances].filter(([fault]) => !without.has(fault));
  return { ...plan, chances: new Map(kept) };
}
