import { setTimeout as sleep } from "node:timers/promises";
import type { RunnerClock } from "../run/ports.ts";

export const SYSTEM_CLOCK: RunnerClock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
};
