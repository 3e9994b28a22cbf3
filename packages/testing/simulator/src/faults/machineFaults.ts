import { CYCLE_STEPS } from "@annals/kit";
import type { Random } from "@annals/kit";
import type { TimedFault } from "../world/faultKinds.ts";
import type { Host } from "../world/machine.ts";

type Strike = (node: Host, random: Random, electionUs: number, workers: number) => void;

/** Faults that strike one machine. */
const KINDS = [
  "crash",
  "workerCrash",
  "stop",
  "freeze",
  "clockJump",
  "lateTick",
  "slowDisk",
  "stalledDisk",
  "failedFlush",
  "fullDisk",
  "misread",
] as const;

export type MachineFault = (typeof KINDS)[number];

/** By what they do to it; how long they last goes by the time of an election. */
export const MACHINE_FAULTS: Readonly<Record<MachineFault, Strike>> = {
  crash: (node, random, electionUs) =>
    node.crashFor(random.below(4 * electionUs), random.pick(CYCLE_STEPS)),
  workerCrash: (node, random, _electionUs, workers) =>
    node.crashWorker(random.below(workers), random.pick(CYCLE_STEPS)),
  stop: (node, random, electionUs) => node.stopFor(random.below(2 * electionUs)),
  freeze: (node, random, electionUs) => node.freezeFor(random.below(4 * electionUs)),
  clockJump: (node, random, electionUs) =>
    node.clock.disturb(random, random.pick([200_000, 4_000_000, 4_000_000, 10 * electionUs])),
  lateTick: (node, random, electionUs) => node.delayTick(random.below(3 * electionUs)),
  slowDisk: (node, random) => node.slowFlushes(random.pick([1, 10, 50])),
  stalledDisk: (node, random, electionUs) => node.stallDisk(random.below(4 * electionUs)),
  failedFlush: (node) => node.failNextFlush(),
  fullDisk: (node, random, electionUs) => node.fillDisk(random.below(6 * electionUs)),
  misread: (node, random) => node.misread(random),
};

export function isMachineFault(fault: TimedFault): fault is MachineFault {
  return KINDS.some((kind) => kind === fault);
}
