import { Random } from "@annals/kit";
import { FAULT_KINDS, FAULTS } from "./faultKinds.ts";
import type { Capability, FaultKind } from "./faultKinds.ts";
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

/** `--mix drawn`: what a seed makes of all kinds. */
export const DRAWN = "drawn";

const KINDS_MIN = 2;
const KINDS_MAX = 6;
const EVERY_MS: readonly [number, number] = [2500, 9000];
/** Only one of each group: they want the same place for the data, or move it. */
const EXCLUSIVE: readonly (readonly Capability[])[] = [["powerLoss", "smallDisk"]];

/** A mix of some kinds at rates of their own, the same for the same seed, whatever the machine permits of it. */
export function drawMix(seed: number): Mix {
  const random = new Random(seed, 2000);
  const rates: Partial<Record<FaultKind, number>> = {};
  const count = random.between(KINDS_MIN, KINDS_MAX);
  for (const kind of random.shuffled(FAULT_KINDS)) {
    if (Object.keys(rates).length === count) break;
    const others = FAULT_KINDS.filter((other) => rates[other] !== undefined);
    if (others.every((other) => together(kind, other))) rates[kind] = random.between(...EVERY_MS);
  }
  return { name: DRAWN, rates };
}

function together(one: FaultKind, other: FaultKind): boolean {
  const needs = [FAULTS[one].needs, FAULTS[other].needs];
  const exclusive = EXCLUSIVE.some(
    (group) => needs[0] !== needs[1] && needs.every((need) => group.includes(need)),
  );
  // A disk that is a mount of its own cannot be moved away.
  const mounted = needs.some((need) => need === "powerLoss" || need === "smallDisk");
  return !exclusive && !(mounted && (one === "wipe" || other === "wipe"));
}
