/** What the driver and the tests of refusals of one log agree upon. */
import { join } from "node:path";
import { cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import type { RefusalsOptions } from "@annals/kit";
import { openLogStore } from "../../src/openLogStore.ts";

export const LOG_ID = 7;
/** How long whoever was refused waits before it tries again. */
export const RETRY_MS = 5;
export const BASE_ENTRIES = 20;
export const SEGMENT_BYTES: number = 256 * 1024;

/** How many points there are. */
export const POINTS: string = join(import.meta.dirname, "points.json");

export const LOG_REFUSALS: RefusalsOptions = {
  phases: ["start", "vote", "append", "roll", "keep", "giveUp"],
  errnos: ["ENOSPC", "EROFS", "EMFILE", "EIO", "ENOMEM", "KILL"],
  runs: "sources",
  driver: join(import.meta.dirname, "driver.ts"),
  makeBase: async (directory) => {
    const store = await openLogStore({
      directory,
      logId: LOG_ID,
      segmentBytes: SEGMENT_BYTES,
      minFreeBytes: 0,
      initial: { membership: SAMPLE_MEMBERSHIP },
    });
    const entries = plainEntries(1, BASE_ENTRIES, 3);
    await store.write(cycleOf({ entries, hardState: hardState(3, 2, BASE_ENTRIES) }));
    await store.close();
  },
};
