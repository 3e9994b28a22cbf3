/** Faults that strike any frame, answer or blob; `Plan.chances` says how likely. */
export const CHANCE_FAULTS = [
  "loss",
  "duplicate",
  "reorder",
  "lostAnswer",
  "blobLate",
  "blobLost",
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
] as const;
export type TimedFault = (typeof TIMED_FAULTS)[number];

/** `cutLoss` is what a partition takes; `cutCycle` a crash with a write in the air. */
export type FaultKind = ChanceFault | TimedFault | "cutLoss" | "cutCycle";

/** Every kind of fault, for reports. */
export const FAULT_KINDS: readonly FaultKind[] = [
  ...CHANCE_FAULTS,
  "cutLoss",
  ...TIMED_FAULTS,
  "cutCycle",
];
