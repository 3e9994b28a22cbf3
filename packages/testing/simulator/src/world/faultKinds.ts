/** Faults that strike any frame, answer, blob or page of a repair; `Plan.chances` says how likely. */
export const CHANCE_FAULTS = [
  "loss",
  "duplicate",
  "reorder",
  "lostAnswer",
  "blobLate",
  "blobLost",
  "wrongPage",
] as const;
export type ChanceFault = (typeof CHANCE_FAULTS)[number];

/** Faults that strike now and then; `Plan.everyMs` says how often. */
export const TIMED_FAULTS = [
  "partition",
  "crash",
  "workerCrash",
  "powerCut",
  "stop",
  "freeze",
  "clockJump",
  "lateTick",
  "slowDisk",
  "stalledDisk",
  "failedFlush",
  "fullDisk",
  "damage",
  "zeroedPage",
  "misread",
  "transfer",
  "unreachable",
  "wipe",
  "oldDisk",
  "join",
  "leave",
  "stalledTail",
  "damagedTail",
  "cutLeader",
  "putBack",
  "hungLeader",
  "jointCrash",
] as const;
export type TimedFault = (typeof TIMED_FAULTS)[number];

/**
 * `cutLoss` is what a partition takes; `cutCycle` a crash with a write in the air; `helical` damage that leaves a log whole on less than a
 * majority of its disks.
 */
export type FaultKind = ChanceFault | TimedFault | "cutLoss" | "cutCycle" | "helical";

/** Every kind of fault, for reports. */
export const FAULT_KINDS: readonly FaultKind[] = [
  ...CHANCE_FAULTS,
  "cutLoss",
  ...TIMED_FAULTS,
  "helical",
  "cutCycle",
];
