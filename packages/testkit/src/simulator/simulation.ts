import type { Violation } from "../checkers/checker.ts";
import { AppendClient } from "./appendClient.ts";
import { FaultInjector } from "./faultInjector.ts";
import type { EventKind } from "./journal.ts";
import { settlement } from "./liveness.ts";
import { drawPlan } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { ReadClient } from "./readClient.ts";
import { World } from "./world.ts";
import type { WorldOptions } from "./world.ts";

/** What came of one seed. */
export interface Outcome {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** The same seed gives the same hash, always. */
  readonly hash: string;
  readonly events: number;
  readonly counts: ReadonlyMap<EventKind, number>;
  readonly acknowledgements: number;
  readonly leaderships: number;
  readonly simulatedUs: number;
  /** The end of the trace in words, if they were kept. */
  readonly tail: readonly string[];
  readonly plan: Plan;
  /** The timed faults that struck, by name, in order. */
  readonly strikes: readonly string[];
}

/** Simulated time that clients go on after everything was healed, then the time within which all must be settled. */
const AFTERMATH_ELECTIONS = 4;
const SETTLE_ELECTIONS = 400;
/** Turns of the microtask queue after each event: enough for an answer and for what its receiver does with it. */
const HOPS = 3;

/** Runs one seed: a cluster under faults, then healed, when it must come to rest with every promise kept. */
export async function simulate(seed: number, options: WorldOptions = {}): Promise<Outcome> {
  const world = new World(drawPlan(seed, options.faultyMsMax), options);
  const { plan, scheduler } = world;
  const electionUs = plan.config.tickMs * plan.config.electionTicks * 1000;
  const clients = startClients(world);
  const faults = new FaultInjector(world);
  for (const node of world.nodes) node.start();

  const healAtUs = plan.faultyMs * 1000;
  await run(world, () => scheduler.nowUs >= healAtUs);
  faults.stop();
  heal(world);
  const stopAtUs = healAtUs + AFTERMATH_ELECTIONS * electionUs;
  await run(world, () => scheduler.nowUs >= stopAtUs);
  for (const client of clients) client.stop();
  const settledByUs = stopAtUs + SETTLE_ELECTIONS * electionUs;
  let nextLookUs = stopAtUs;
  let unsettled: string | undefined = "not looked at";
  await run(world, () => {
    if (scheduler.nowUs < nextLookUs) return false;
    nextLookUs = scheduler.nowUs + electionUs;
    unsettled = settlement(world, clients);
    return unsettled === undefined || scheduler.nowUs >= settledByUs;
  });
  if (unsettled !== undefined && world.violation === undefined) world.report("liveness", unsettled);
  return outcomeOf(world, faults.strikes);
}

/** Runs events until `done`, or until a rule is broken. After each one promises settle, so that what they bring about is in its place. */
async function run(world: World, done: () => boolean): Promise<void> {
  const { scheduler } = world;
  while (world.violation === undefined && !done()) {
    try {
      if (!scheduler.runNext()) return;
    } catch (error) {
      // The replica guards its turns: what comes out of it is a bug in a call of its host, or in the simulator.
      world.report("nothing throws", error instanceof Error ? (error.stack ?? "") : String(error));
    }
    for (let hop = 0; hop < HOPS; hop++) await Promise.resolve();
  }
}

function startClients(world: World): readonly (AppendClient | ReadClient)[] {
  const { producers, appenders, readers } = world.plan.clients;
  const clients: (AppendClient | ReadClient)[] = [];
  let stream = 10_000;
  for (const log of world.logs) {
    for (let k = 0; k < producers; k++)
      clients.push(new AppendClient(log, world.random(stream++), `producer-${k}`));
    for (let k = 0; k < appenders; k++)
      clients.push(new AppendClient(log, world.random(stream++), undefined));
    for (let k = 0; k < readers; k++) clients.push(new ReadClient(log, world.random(stream++)));
  }
  return clients;
}

/** The network is whole and every machine is well; those beyond a quorum may stay away for good. */
function heal(world: World): void {
  const { nodes, network, plan } = world;
  const random = world.random(4);
  const living = nodes.filter((node) => !node.damaged);
  const quorum = Math.floor(nodes.length / 2) + 1;
  const kept = plan.healsQuorumOnly
    ? random.shuffled(living).slice(0, Math.max(quorum, random.between(1, living.length)))
    : nodes;
  network.heal();
  for (const node of nodes) {
    if (kept.includes(node)) {
      node.heal();
      node.start();
    } else {
      node.retire();
    }
  }
}

function outcomeOf(world: World, strikes: readonly string[]): Outcome {
  const { journal, logs, plan, scheduler, violation } = world;
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return {
    seed: plan.seed,
    violation,
    hash: journal.hash,
    events: journal.events,
    counts: journal.counts,
    acknowledgements: sum(logs.map(({ oracle }) => oracle.acknowledgements)),
    leaderships: sum(logs.map(({ elections }) => elections.leaderships)),
    simulatedUs: scheduler.nowUs,
    tail: journal.tail,
    plan,
    strikes,
  };
}
