import type { EventKind } from "./journal.ts";

/** The events that are faults, for reports. */
export const FAULT_KINDS: readonly EventKind[] = [
  "loss",
  "duplicate",
  "reorder",
  "cutLoss",
  "partition",
  "crash",
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
  "transfer",
  "unreachable",
  "lostAnswer",
];
