import type { Violation } from "@annals/check";
import type { Random } from "@annals/kit";
import { AppendClient } from "./clients/appendClient.ts";
import { CommandClient } from "./clients/commandClient.ts";
import { FaultInjector } from "./faults/faultInjector.ts";
import { GroupClient } from "./clients/groupClient.ts";
import type { EventKind } from "./world/journal.ts";
import { settlement } from "./aftermath/liveness.ts";
import { keepsEveryEntry } from "./faults/intactCopies.ts";
import { drawPlan } from "./world/plan.ts";
import type { Plan } from "./world/plan.ts";
import { sustains } from "./faults/quorums.ts";
import { UNNOTICED } from "./faults/putBackDisks.ts";
import { ReadClient } from "./clients/readClient.ts";
import { OnlineResolution } from "./aftermath/onlineResolution.ts";
import { ONE_KEPT, Resolution } from "./aftermath/resolution.ts";
import type { SimulatedNode } from "./machines/simulatedNode.ts";
import { TailClient } from "./clients/tailClient.ts";
import { World } from "./world.ts";
import type { WorldOptions } from "./world/schedule.ts";

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
/** How long they go on for repairs: of an entry that nobody else has, only another one in its place tells that it was never committed. */
const REPAIR_ELECTIONS = 100;
const SETTLE_ELECTIONS = 400;
/** How many times as long it may take while logs still grow somewhere, beyond what newcomers take to fetch all that there is. */
const SETTLE_PROLONGED = 5;
/** What an entry takes at most, in mean round trips and flushes: where a message holds one entry, and one message is under way. */
const ROUND_TRIPS_PER_ENTRY = 2;
/** Turns of the microtask queue after each event: enough for an answer and for what its receiver does with it. */
const HOPS = 3;
/** Awaited again and again: a new promise for every hop is what a run would allocate most. */
const SETTLED = Promise.resolve();
/** While a log is in repair there is more between an answer and the next question. */
const REPAIR_HOPS = 20;

/** Runs one seed: a cluster under faults, then healed, when it must come to rest with every promise kept. */
export async function simulate(seed: number, options: WorldOptions = {}): Promise<Outcome> {
  const { stackTraceLimit } = Error;
  // Refusals are common, and nobody looks where they come from unless a failed seed is run again: a tenth of the time.
  if (options.keepsLines !== true) Error.stackTraceLimit = 0;
  try {
    return await runSeed(seed, options);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function runSeed(seed: number, options: WorldOptions): Promise<Outcome> {
  const world = new World(drawPlan(seed, options.faultyMsMax, options.putBack), options);
  const { plan, scheduler } = world;
  const electionUs = plan.config.tickMs * plan.config.electionTicks * 1000;
  const clients = startClients(world);
  const faults = new FaultInjector(world);
  for (const node of world.inService) node.start();

  const healAtUs = plan.faultyMs * 1000;
  await run(world, () => scheduler.nowUs >= healAtUs);
  faults.stop();
  heal(world);
  const stopAtUs = healAtUs + AFTERMATH_ELECTIONS * electionUs;
  const goOnUntilUs = stopAtUs + REPAIR_ELECTIONS * electionUs;
  await run(world, () => {
    const { nowUs } = scheduler;
    return nowUs >= stopAtUs && (world.repairs === 0 || nowUs >= goOnUntilUs);
  });
  for (const client of clients) client.stop();
  const { putBack } = world;
  const atRest = () => (putBack.torn ? putBack.unnoticed() : settlement(world, clients));
  await settle(world, putBack.torn ? UNNOTICED : "liveness", atRest);
  if (putBack.torn && world.violation === undefined) {
    const random = world.random(5);
    const resolution = random.chance(0.5)
      ? new Resolution(world, random)
      : new OnlineResolution(world, random);
    await settle(world, ONE_KEPT, () => resolution.problem());
  }
  return outcomeOf(world, faults.strikes);
}

/** Runs until `look` finds nothing left to do; breaks `rule` when that takes too long. */
async function settle(world: World, rule: string, look: () => string | undefined): Promise<void> {
  const { plan, scheduler } = world;
  const electionUs = plan.config.tickMs * plan.config.electionTicks * 1000;
  const latestUs =
    scheduler.nowUs + SETTLE_PROLONGED * SETTLE_ELECTIONS * electionUs + fetchingUs(world);
  let settledByUs = scheduler.nowUs + SETTLE_ELECTIONS * electionUs;
  let nextLookUs = scheduler.nowUs;
  let stored = 0;
  let unsettled: string | undefined = "not looked at";
  await run(world, () => {
    if (scheduler.nowUs < nextLookUs) return false;
    nextLookUs = scheduler.nowUs + electionUs;
    unsettled = look();
    const storedNow = storedEntries(world);
    // A newcomer may have a long log to fetch over a slow network: that is progress.
    if (storedNow > stored)
      settledByUs = Math.min(latestUs, scheduler.nowUs + SETTLE_ELECTIONS * electionUs);
    stored = storedNow;
    return unsettled === undefined || scheduler.nowUs >= settledByUs;
  });
  if (unsettled !== undefined && world.violation === undefined) world.report(rule, unsettled);
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
    const hops = world.repairs > 0 ? REPAIR_HOPS : HOPS;
    for (let hop = 0; hop < hops; hop++) await SETTLED;
  }
}

interface Client {
  readonly openRequests: number;
  stop(): void;
}

function startClients(world: World): readonly Client[] {
  const { producers, appenders, readers, tails, members } = world.plan.clients;
  const clients: Client[] = [];
  let stream = 10_000;
  for (const log of world.logs) {
    for (let k = 0; k < producers; k++)
      clients.push(new AppendClient(log, world.random(stream++), `producer-${k}`));
    for (let k = 0; k < appenders; k++)
      clients.push(new AppendClient(log, world.random(stream++), undefined));
    for (let k = 0; k < readers; k++)
      log.readClients.push(new ReadClient(log, world.random(stream++)));
    for (let k = 0; k < tails; k++)
      log.tailClients.push(new TailClient(log, world.random(stream++)));
    clients.push(
      ...log.readClients,
      ...log.tailClients,
      new CommandClient(log, world.random(stream++)),
    );
    for (let k = 0; k < members; k++)
      clients.push(new GroupClient(log, world.random(40_000 + 10 * log.number + k)));
  }
  return clients;
}

/** The network is whole and every machine is well; those beyond a quorum may stay away for good. */
function heal(world: World): void {
  const { nodes, network, plan } = world;
  const random = world.random(4);
  const kept = plan.healsQuorumOnly ? enough(world, random) : world.inService;
  network.heal();
  for (const node of nodes) {
    if (kept.includes(node)) {
      node.heal();
      node.start();
      node.scrub();
    } else {
      node.retire();
    }
  }
}

function storedEntries({ logs }: World): number {
  return logs
    .flatMap(({ replicas }) => replicas)
    .reduce((sum, { durable }) => sum + durable.stored.count, 0);
}

/** How long it may take until every node has fetched every entry, one after the other. */
function fetchingUs({ logs, nodes, plan }: World): number {
  const entries = logs.reduce((sum, { committed }) => sum + committed.count, 0);
  const { latencyUs, flushUs, config } = plan;
  const roundTripUs =
    2 * (latencyUs.least + latencyUs.mean) + flushUs.least + flushUs.mean + config.tickMs * 1000;
  return entries * nodes.length * ROUND_TRIPS_PER_ENTRY * roundTripUs;
}

/** Some of the machines that are well, enough for a quorum wherever one is needed. */
function enough(world: World, random: Random): readonly SimulatedNode[] {
  const living = random.shuffled(world.inService.filter(({ lost }) => !lost));
  const certain = living.filter(({ uncertain }) => !uncertain);
  for (let count = random.between(1, living.length); count < living.length; count++) {
    const some = living.slice(0, count);
    const members = new Set<number>(
      certain.filter((one) => some.includes(one)).map(({ id }) => id),
    );
    if (sustains(world, members) && keepsEveryEntry(world, members)) return some;
  }
  return living;
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
