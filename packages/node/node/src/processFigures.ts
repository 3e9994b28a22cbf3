import { getHeapStatistics } from "node:v8";
import type { ProcessFigures } from "@annals/http";
import { linesDropped } from "./logger.ts";
import { residentSetBytes } from "./memory/residentSet.ts";
import { orphanedErrors } from "./orphanedErrors.ts";

/** Figures of this process as they are now. */
export function processFigures(): ProcessFigures {
  const { user, system } = process.cpuUsage();
  const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics();
  return {
    cpuSeconds: (user + system) / 1e6,
    rssBytes: residentSetBytes(),
    heapBytes,
    externalBytes,
    uptimeSeconds: process.uptime(),
    busySeconds: performance.eventLoopUtilization().active / 1000,
    orphanedErrors: orphanedErrors(),
    linesDropped: linesDropped(),
  };
}
