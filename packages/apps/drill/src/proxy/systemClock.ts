import type { ProxyClock } from "./pipe.ts";

/** Real time, real chance. */
export const SYSTEM_CLOCK: ProxyClock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
