import type { ResourceLimits } from "node:worker_threads";
import type { NodeConfig } from "../keys/nodeConfig.ts";

const MEBIBYTE = 2 ** 20;

/** The code alone takes 15 MiB: with less a thread ends as soon as it has something to do. */
const LEAST_BYTES = 24 * MEBIBYTE;
const LEAST_ISOLATED_BYTES = 32 * MEBIBYTE;

/**
 * Room for new objects: three semi-spaces of a power of two each, which is what V8 rounds to. It would take 96 MiB by itself: what passes
 * through a worker is in buffers, and twice the room saves no CPU.
 */
const YOUNG_MIB = [48, 24, 12, 6, 3];
/** Of the heap, at most, so that what stays has the larger part. */
const YOUNG_SHARE = 1 / 3;

/** Heap of a worker that many logs share. */
export function workerHeapBytes({ workers: { maxHeapBytes } }: NodeConfig): number {
  return Math.max(LEAST_BYTES, maxHeapBytes);
}

/** Heap of a worker that hosts one log only. */
export function isolatedHeapBytes(config: NodeConfig): number {
  const shared = workerHeapBytes(config);
  return Math.min(shared, Math.max(LEAST_ISOLATED_BYTES, Math.ceil(shared / 2)));
}

/** How V8 keeps a thread to such a heap: new objects and old ones together. */
export function heapLimits(heapBytes: number): ResourceLimits {
  const heap = Math.floor(heapBytes / MEBIBYTE);
  const young = YOUNG_MIB.find((room) => room <= heap * YOUNG_SHARE) ?? 0;
  return { maxYoungGenerationSizeMb: young, maxOldGenerationSizeMb: heap - young };
}
