import { Random } from "@annals/kit";
import { REPLICA_DEFAULTS } from "@annals/replica";
import type { ReplicaConfig } from "@annals/replica";
import { CHANCE_FAULTS, TIMED_FAULTS } from "./faultKinds.ts";
import type { ChanceFault, TimedFault } from "./faultKinds.ts";

/**
 * Whose disks go back to what they were earlier, while their machines restart: nobody's, one member's at a time, or those of a quorum,
 * once. Nothing else takes away what disks hold then.
 */
export const DISKS_PUT_BACK = ["none", "member", "quorum"] as const;
export type DisksPutBack = (typeof DISKS_PUT_BACK)[number];

/** Everything that a seed decides before the run begins. */
export interface Plan {
  readonly seed: number;
  readonly nodes: number;
  readonly putBack: DisksPutBack;
  readonly logs: number;
  /** Worker threads of a node; a log belongs to the same one everywhere. */
  readonly workers: number;
  readonly reassignStaggerMs: number;
  readonly config: ReplicaConfig;
  /** Whether leaders compress what they propose. */
  readonly compressed: boolean;
  /** Whether one wall clock at most is wrong at a time. */
  readonly oneClockWrong: boolean;
  /** How long faults last, before everything is healed. */
  readonly faultyMs: number;
  readonly latencyUs: { readonly least: number; readonly mean: number };
  readonly flushUs: { readonly least: number; readonly mean: number };
  readonly clients: {
    readonly producers: number;
    readonly appenders: number;
    readonly readers: number;
    /** Consumers that follow the log. */
    readonly tails: number;
    /** Members of groups. */
    readonly members: number;
    /** Mean time between two requests of one client. */
    readonly thinkUs: number;
    readonly recordsMax: number;
    readonly recordBytesMax: number;
  };
  readonly blobs: {
    /** How likely a request names blobs. */
    readonly chance: number;
    /** Mean time that a blob takes to arrive on a disk. */
    readonly meanUs: number;
  };
  /** Mean interval of a fault in the whole cluster; faults that are off are absent. */
  readonly everyMs: ReadonlyMap<TimedFault, number>;
  readonly chances: ReadonlyMap<ChanceFault, number>;
  /** Whether the nodes that are beyond a quorum stay dead while the rest must make progress. */
  readonly healsQuorumOnly: boolean;
}

const NODE_COUNTS = [1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 6, 7] as const;

/**
 * Draws a plan ("swarm testing": every fault is on or off in a seed, with a rate of its own). A quarter of the seeds have no fault, but
 * for those of leaders: they are cut off, their disks hang, they die while members change.
 */
export function drawPlan(
  seed: number,
  faultyMsMax: number = Infinity,
  putBack: DisksPutBack = "none",
): Plan {
  const plan = drawUsual(seed, faultyMsMax);
  return putBack === "none" ? plan : withDisksPutBack(plan, putBack);
}

/** Faults that go with disks that are put back, by whose they are. */
const BESIDE_PUT_BACK: Readonly<Record<"member" | "quorum", readonly TimedFault[]>> = {
  member: ["partition", "crash", "stop", "freeze", "slowDisk", "transfer", "unreachable"],
  quorum: ["partition", "crash", "powerCut", "stop", "freeze", "slowDisk", "transfer", "cutLeader"],
};
const FRAME_FAULTS: readonly ChanceFault[] = ["loss", "duplicate", "reorder", "lostAnswer"];

function withDisksPutBack(plan: Plan, putBack: "member" | "quorum"): Plan {
  const random = new Random(plan.seed, 9);
  const everyMs = [...plan.everyMs].filter(([fault]) => BESIDE_PUT_BACK[putBack].includes(fault));
  const rate = putBack === "member" ? random.pick([200, 500, 1000]) : plan.faultyMs / 3;
  return {
    ...plan,
    putBack,
    nodes: random.pick([2, 3, 3, 3, 4, 5, 5].slice(putBack === "member" ? 0 : 1)),
    everyMs: new Map([...everyMs, ["putBack", rate]]),
    chances: new Map([...plan.chances].filter(([fault]) => FRAME_FAULTS.includes(fault))),
    healsQuorumOnly: false,
  };
}

function drawUsual(seed: number, faultyMsMax: number): Plan {
  const random = new Random(seed, 1);
  const nodes = random.pick(NODE_COUNTS);
  const faultless = random.chance(0.25);
  const ofGroups = new Random(seed, 6);
  return {
    seed,
    nodes,
    putBack: "none",
    logs: random.pick([1, 1, 1, 2, 3]),
    workers: random.pick([1, 2, 3]),
    reassignStaggerMs: random.pick([1, 100, 1000]),
    compressed: new Random(seed, 7).chance(0.25),
    oneClockWrong: new Random(seed, 9).chance(0.8),
    config: drawConfig(random, new Random(seed, 5), ofGroups),
    faultyMs: Math.min(faultyMsMax, random.between(4000, 20_000)),
    latencyUs: { least: random.between(20, 500), mean: random.pick([100, 500, 2000, 10_000]) },
    flushUs: { least: random.between(50, 1000), mean: random.pick([100, 1000, 5000, 20_000]) },
    clients: {
      producers: random.between(1, 4),
      appenders: random.between(1, 4),
      readers: random.between(1, 3),
      tails: random.between(0, 2),
      members: ofGroups.pick([0, 0, 2, 3, 4]),
      thinkUs: random.pick([5000, 20_000, 50_000, 100_000]),
      recordsMax: random.pick([1, 3, 10, 40]),
      recordBytesMax: random.pick([8, 100, 1000]),
    },
    everyMs: drawTimed(
      random,
      new Random(seed, 3),
      new Random(seed, 8),
      new Random(seed, 20),
      faultless,
    ),
    chances: faultless ? new Map() : drawChances(random, new Random(seed, 2)),
    healsQuorumOnly: random.chance(0.5),
    blobs: {
      chance: random.pick([0, 0, 0.05, 0.3]),
      meanUs: random.pick([500, 5000, 100_000]),
    },
  };
}

/** Small limits in many seeds, so that windows, splits and refusals are met often. */
function drawConfig(random: Random, ofProducers: Random, ofGroups: Random): ReplicaConfig {
  const { append, batch } = REPLICA_DEFAULTS;
  const maxBytes = random.pick([100, 2000, append.maxBytes]);
  return {
    ...REPLICA_DEFAULTS,
    tickMs: random.pick([10, 20, 50, 100]),
    electionTicks: random.pick([5, 10, 10, 15]),
    append: {
      maxEntries: random.pick([1, 2, 8, append.maxEntries]),
      maxBytes,
      maxInflightMessages: random.pick([1, 2, 8, append.maxInflightMessages]),
      maxInflightBytes: random.pick([maxBytes, append.maxInflightBytes]),
    },
    maxUncommittedBytes: random.pick([20_000, REPLICA_DEFAULTS.maxUncommittedBytes]),
    maxCommittedBytes: random.pick([1000, 10_000, REPLICA_DEFAULTS.maxCommittedBytes]),
    batch: {
      maxRecords: random.pick([1, 4, 16, batch.maxRecords]),
      maxBytes: random.pick([500, 5000, batch.maxBytes]),
    },
    maxPendingBytes: random.pick([10_000, REPLICA_DEFAULTS.maxPendingBytes]),
    groupLeaseMs: ofGroups.pick([100, 1000, REPLICA_DEFAULTS.groupLeaseMs]),
    maxProducers: ofProducers.pick([1, 2, REPLICA_DEFAULTS.maxProducers]),
  };
}

/** How often a timed fault is on, and its mean interval in ms. */
interface Odds {
  readonly on: number;
  readonly rates: readonly number[];
}

/** Where many faults strike there is hardly ever a leader for long: half of the seeds have few, which find what needs time to go wrong. */
const DENSITIES: readonly number[] = [0.1, 0.4];

const ODDS: ReadonlyMap<TimedFault, Odds> = new Map([
  // Only a leader that is cut off for long, with followers that believe it, can serve what is stale.
  ["partition", { on: 0.7, rates: [500, 1000, 2000, 2000] }],
  // Where little else happens the others go on without it soonest.
  ["cutLeader", { on: 0.7, rates: [500, 1000, 2000] }],
  // Few seeds have anything else that lets entries of two leaders meet in front of a disk.
  ["hungLeader", { on: 0.8, rates: [500, 1000, 2000] }],
  // Most are over before anything else can happen.
  ["transfer", { on: 0.5, rates: [200, 500, 1000] }],
  // A joint configuration is over after a round trip or two.
  ["jointCrash", { on: 0.7, rates: [300, 500, 1000] }],
  // A wrong clock is set right before the next one may go wrong, and matters while its node leads.
  ["clockJump", { on: 0.5, rates: [200, 500, 1000, 2000] }],
  // Few tails can be damaged at any moment, so that it takes many attempts.
  ["damagedTail", { on: 0.6, rates: [100, 200, 500] }],
]);

const USUAL_FAULTS = TIMED_FAULTS.filter((fault) => fault !== "putBack");
/** Faults of seeds that have no other one. */
const OF_LEADERS: readonly TimedFault[] = ["cutLeader", "hungLeader", "jointCrash"];

function drawTimed(
  random: Random,
  others: Random,
  ofCuts: Random,
  ofLeaders: Random,
  faultless: boolean,
): ReadonlyMap<TimedFault, number> {
  const streams: Partial<Record<TimedFault, Random>> = {
    damagedTail: others,
    cutLeader: ofCuts,
    hungLeader: ofLeaders,
    jointCrash: ofLeaders,
  };
  const everyMs = new Map<TimedFault, number>();
  const usual: Odds = { on: others.pick(DENSITIES), rates: [500, 1000, 2000, 5000] };
  for (const fault of faultless ? OF_LEADERS : USUAL_FAULTS) {
    const from = streams[fault] ?? random;
    const { on, rates } = ODDS.get(fault) ?? usual;
    const strikes = from.chance(on);
    const rate = from.pick(rates);
    if (strikes) everyMs.set(fault, rate);
  }
  return everyMs;
}

function drawChances(random: Random, ofPages: Random): ReadonlyMap<ChanceFault, number> {
  const chances = new Map<ChanceFault, number>();
  for (const fault of CHANCE_FAULTS) {
    const from = fault === "wrongPage" ? ofPages : random;
    const on = from.chance(0.4);
    const chance = from.pick(fault === "wrongPage" ? [0.05, 0.2, 0.5] : [0.01, 0.05, 0.2]);
    if (on) chances.set(fault, chance);
  }
  return chances;
}
