import { totalmem } from "node:os";

/** What is left for the system, for the file pages that LMDB maps, and for memory that is let go of and not yet collected. */
const SHARE = 0.75;
const MEBIBYTE = 2 ** 20;

/** Bytes of memory that this process can have: of the machine, or of its container if that allows less. */
export function machineMemory(): number {
  // A container without a limit reports a number beyond every machine; an unknown one reports 0.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** The default of `memory.limit`, in whole MiB. */
export function standardMemoryLimit(): number {
  return Math.floor((SHARE * machineMemory()) / MEBIBYTE) * MEBIBYTE;
}
