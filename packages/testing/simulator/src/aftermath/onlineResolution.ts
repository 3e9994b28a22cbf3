import { CYCLE_STEPS } from "@annals/kit";
import type { Random, StoredRun } from "@annals/kit";
import { empty, keep, problemOf } from "./resolution.ts";
import type { Cluster } from "../world/cluster.ts";
import type { Log, Logs } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

/** Shortest election timeouts within which a node hears of the decision, and then of each member that has carried it out. */
const HEAR_ELECTIONS = 24;
const LEARN_ELECTIONS = 6;

/** Those within which a copy that was carried out is opened again, and a node that was down is back. */
const REOPEN_ELECTIONS = 2;
const DOWN_ELECTIONS = 30;

/**
 * When a loss was noticed and the cluster runs on: one copy of each log is kept, any one. Each node hears of that at a time of its own, at
 * first by what `_system` says, closes its copy, carries the decision out and opens it again; some are down meanwhile, and begin with what
 * they had. Others hear later still who has done so.
 */
export class OnlineResolution {
  readonly #world: Cluster & Logs;
  readonly #random: Random;
  readonly #decided: readonly OnlineDecision[];

  constructor(world: Cluster & Logs, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#decided = world.logs.map((log) => new OnlineDecision(log, random.pick(log.replicas)));
    for (const node of world.inService) {
      if (random.chance(0.3)) node.crashFor(this.#within(DOWN_ELECTIONS), "begun");
      if (random.chance(0.5)) continue;
      world.scheduler.after(this.#within(HEAR_ELECTIONS), () =>
        node.crashFor(this.#within(DOWN_ELECTIONS), random.pick(CYCLE_STEPS)),
      );
    }
    for (const decision of this.#decided)
      for (const replica of decision.log.replicas) this.#hearSoon(decision, replica);
  }

  /** Undefined once every log has gone on behind its kept copy, the same one everywhere. */
  problem(): string | undefined {
    for (const decision of this.#decided) {
      const problem = decision.problem();
      if (problem !== undefined) return `log ${decision.log.number}: ${problem}`;
    }
    return undefined;
  }

  #hearSoon(decision: OnlineDecision, replica: Member): void {
    this.#world.scheduler.after(this.#within(HEAR_ELECTIONS), () => {
      // A node that is down hears of it when it is back.
      if (!replica.host.up) this.#hearSoon(decision, replica);
      else this.#carryOut(decision, replica);
    });
  }

  #carryOut(decision: OnlineDecision, replica: Member): void {
    const { scheduler, journal, mutant } = this.#world;
    const { kept, log } = decision;
    replica.histories.verdict.hear();
    replica.crash("begun");
    decision.carriesOut(replica);
    journal.note("resolved", replica.node, log.number, kept.node);
    if (replica === kept) keep(replica);
    else empty(replica, kept);
    if (replica !== kept && mutant?.marksEmptiedLate === true) replica.histories.resolve(undefined);
    replica.host.reopen(replica, this.#within(REOPEN_ELECTIONS));
    for (const other of log.replicas)
      scheduler.after(this.#within(LEARN_ELECTIONS), () =>
        other.histories.verdict.learn(replica.id),
      );
  }

  #within(elections: number): number {
    const { tickMs, electionTicks } = this.#world.plan.config;
    return this.#random.below(elections * electionTicks * tickMs * 1000);
  }
}

/** What was decided for one log, and what the copies held by then. */
class OnlineDecision {
  readonly log: Log;
  readonly kept: Member;
  readonly #copies = new Map<Member, StoredRun>();
  readonly #carriedOut = new Set<Member>();

  constructor(log: Log, kept: Member) {
    this.log = log;
    this.kept = kept;
  }

  /** Just before it is carried out on a copy. From when the kept one goes on, a late one may have got from it what comes behind. */
  carriesOut(replica: Member): void {
    this.#carriedOut.add(replica);
    const found = replica === this.kept ? this.log.replicas : [replica];
    for (const one of found) if (!this.#copies.has(one)) this.#copies.set(one, one.durable.stored);
  }

  problem(): string | undefined {
    const { log, kept } = this;
    const late = log.replicas.find((one) => !this.#carriedOut.has(one));
    const copy = this.#copies.get(kept);
    if (late !== undefined || copy === undefined) return `n${late?.node} has not carried it out`;
    const others = [...this.#copies].flatMap(([one, stored]) => (one === kept ? [] : [stored]));
    return problemOf(log, { kept, copy, others });
  }
}
