import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../run/ports.ts";

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
};
