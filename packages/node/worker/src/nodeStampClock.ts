import { monotonicMs } from "@annals/channel";
import type { NodeConfig } from "@annals/config";
import { StampClock } from "@annals/replica";

/** The stamp clock of this thread or another one of the process, which shares the monotonic clock. */
export function nodeStampClock(config: NodeConfig): StampClock {
  return new StampClock({
    clock: { now: monotonicMs, wallTime: () => Date.now() },
    maxSkewMs: config.clock.maxSkew,
    hasPeers: Object.keys(config.nodes).length > 1,
  });
}
