import type { NodeConfig } from "../config/nodeConfig.ts";

const LEAST_BYTES = 32 * 2 ** 20;

/** Heap of a worker that hosts one log only. */
export function isolatedHeapBytes({ workers: { maxHeapBytes } }: NodeConfig): number {
  return Math.min(maxHeapBytes, Math.max(LEAST_BYTES, Math.ceil(maxHeapBytes / 2)));
}
