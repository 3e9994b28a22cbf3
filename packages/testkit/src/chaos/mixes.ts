import type { FaultRates } from "./schedule.ts";

/** A small named set of faults with their rates. */
export interface Mix {
  readonly name: string;
  /** Mean ms between two faults of each kind. */
  readonly rates: FaultRates;
}

/** The short run: every kind of fault is in at least one of them. */
export const MIXES: readonly Mix[] = [
  { name: "kills", rates: { kill: 1200, killMinority: 3000, terminate: 4000 } },
  { name: "massacre", rates: { killMajority: 3000, killAll: 4000, kill: 3000 } },
  { name: "freezes", rates: { freeze: 1500, freezeMajority: 5000, transfer: 2500 } },
  { name: "links", rates: { delay: 2000, loss: 2500, throttle: 4000, reset: 700 } },
  { name: "partitions", rates: { partition: 2000, oneWay: 2500, blackHole: 3000, kill: 5000 } },
  {
    name: "packets",
    rates: { dropBothWays: 2500, dropOneWay: 3000, dropBridge: 3500, dropRing: 3500 },
  },
  { name: "power", rates: { powerLoss: 2500, powerLossMinority: 4000, kill: 4000 } },
  { name: "blackout", rates: { powerLossAll: 3000, powerLossMinority: 5000 } },
  { name: "sick-disks", rates: { flushFails: 2500, writeFails: 3500, slowDisk: 2500 } },
  { name: "full-disks", rates: { diskFull: 2500, noFiles: 3000, kill: 5000 } },
  { name: "clocks", rates: { clockJump: 1500, freeze: 3000, terminate: 5000 } },
  {
    name: "members",
    rates: { wipe: 3500, transfer: 1500, workerEnds: 1500, reset: 3000, kill: 5000 },
  },
];
