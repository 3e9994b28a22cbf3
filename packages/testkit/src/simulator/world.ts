import { asIndex, asMemberId } from "@annals/raft";
import type { LogIndex, MemberId } from "@annals/raft";
import type { Report, Violation } from "../checkers/checker.ts";
import { Journal } from "./journal.ts";
import { LogUnderTest } from "./logUnderTest.ts";
import type { ChanceFault } from "./faultKinds.ts";
import type { Mutant } from "../mutants/mutant.ts";
import { Network } from "./network.ts";
import type { Plan } from "./plan.ts";
import { Random } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import { SimulatedNode } from "./simulatedNode.ts";
import type { SimulatedReplica } from "./simulatedReplica.ts";

/** A part of the faults that a seed leads to. */
export interface Schedule {
  /** The only strikes to make, by name; undefined for all. */
  readonly strikesOnly: ReadonlySet<string> | undefined;
  /** Faults of frames and answers to leave out. */
  readonly without: ReadonlySet<ChanceFault>;
}

export interface WorldOptions extends Partial<Schedule> {
  /** Keeps the words of the trace. */
  readonly keepsLines?: boolean;
  readonly mutant?: Mutant | undefined;
  /** Ends the faults earlier than the plan has it, for short runs. */
  readonly faultyMsMax?: number | undefined;
}

/** One simulated cluster: time, network, machines and the logs on them. Nothing in here knows the real time or real chance. */
export class World {
  readonly plan: Plan;
  readonly mutant: Mutant | undefined;
  readonly scheduler: Scheduler = new Scheduler();
  readonly journal: Journal;
  readonly network: Network;
  readonly nodes: readonly SimulatedNode[];
  readonly logs: readonly LogUnderTest[];
  readonly report: Report;
  readonly strikesOnly: ReadonlySet<string> | undefined;
  #violation: Violation | undefined;
  #requests = 0;

  constructor(plan: Plan, options: WorldOptions = {}) {
    this.plan = withoutChances(plan, options.without ?? new Set());
    this.strikesOnly = options.strikesOnly;
    this.mutant = options.mutant;
    this.journal = new Journal(() => this.scheduler.nowUs, options.keepsLines ?? false);
    this.report = (rule, text) => {
      this.#violation ??= { rule, text };
      this.journal.say(0, 0, `BROKEN ${rule}: ${text}`);
    };
    this.network = new Network(this);
    const ids = Array.from({ length: plan.nodes }, (_, index) => index + 1);
    this.nodes = ids.map((id) => new SimulatedNode(id, this));
    const numbers = Array.from({ length: plan.logs }, (_, index) => index + 1);
    this.logs = numbers.map((number) => new LogUnderTest(number, this, this.nodes));
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

  replica(log: number, node: number): SimulatedReplica {
    const replica = this.logs[log - 1]?.replicas[node - 1];
    if (replica === undefined) throw new RangeError(`no node ${node} or no log ${log}`);
    return replica;
  }

  member(node: number): MemberId {
    return asMemberId(node);
  }

  index(value: number): LogIndex {
    return asIndex(value);
  }
}

function withoutChances(plan: Plan, without: ReadonlySet<ChanceFault>): Plan {
  const kept = [...plan.chances].filter(([fault]) => !without.has(fault));
  return { ...plan, chances: new Map(kept) };
}
