import type { FaultRates } from "./schedule.ts";

/** A small named set of faults with their rates. */
export interface Mix {
  readonly name: string;
  /** Mean ms between the end of a fault and the next one of its kind. */
  readonly rates: FaultRates;
}

/** The short run: every kind of fault is in at least one of them. Between faults a cluster needs a second or two to elect and to serve. */
export const MIXES: readonly Mix[] = [
  { name: "kills", rates: { kill: 2500, killMinority: 6000, terminate: 5000 } },
  { name: "massacre", rates: { killMajority: 7000, killAll: 8000, kill: 6000 } },
  { name: "freezes", rates: { freeze: 3500, freezeMajority: 9000, transfer: 2500 } },
  { name: "links", rates: { delay: 3000, loss: 4000, throttle: 6000, reset: 1500 } },
  { name: "partitions", rates: { partition: 3000, oneWay: 4000, blackHole: 6000, kill: 8000 } },
  {
    name: "packets",
    rates: { dropBothWays: 4000, dropOneWay: 5000, dropBridge: 5000, dropRing: 5000 },
  },
  { name: "power", rates: { powerLoss: 4000, powerLossMinority: 7000, kill: 6000 } },
  { name: "blackout", rates: { powerLossAll: 6000, powerLossMinority: 8000 } },
  { name: "sick-disks", rates: { flushFails: 4000, writeFails: 5000, slowDisk: 3000 } },
  { name: "full-disks", rates: { diskFull: 3000, noFiles: 5000, kill: 8000 } },
  { name: "clocks", rates: { clockJump: 1500, freeze: 4000, terminate: 6000 } },
  {
    name: "members",
    rates: { wipe: 3500, transfer: 2000, workerEnds: 2500, reset: 4000, kill: 7000 },
  },
];
