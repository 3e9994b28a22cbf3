import { z } from "zod";
import { key } from "./kinds.ts";
import { SUM, TEBIBYTE, TIMER_MS } from "./limits.ts";

/** Keys of the clock and of the files of the logs. */
export const storageKeys = {
  clock: z.strictObject({
    maxSkew: key.duration("5s", "cluster", {
      greatest: 3_600_000,
      about:
        "How far a node's clock may be from the median of all. A node beyond it stamps no record " +
        "with its clock, and others lead its logs.",
      tooLow: "Slow links and coarse time services look like wrong clocks.",
      tooHigh: "recordedAt may be wrong by this much.",
    }),
  }),
  storage: z.strictObject({
    segmentBytes: key.bytes("1GiB", "node", {
      greatest: SUM,
      about: "A log's active segment is sealed at this size and a new one begun.",
      tooLow: "A log has many files. A segment must hold the largest message.",
      tooHigh: "Rebuilding a damaged segment takes longer and needs more free space.",
    }),
    scrubInterval: key.duration("24h", "node", {
      greatest: TIMER_MS,
      about:
        "How often everything that is stored is read and checked in the background, at a quarter " +
        "of one core at most. Jittered by a tenth.",
      tooLow: "The disk and a core are busy reading.",
      tooHigh: "Rot is found late, when other copies may have rotted, too.",
    }),
    minFreeBytes: key.bytes("256MiB", "node", {
      greatest: 1024 * TEBIBYTE,
      about: "Free disk space below which appends are refused with 507; reads go on.",
      tooLow: "Other programs may fill the disk before the node can refuse.",
      tooHigh: "This much disk space is never used.",
    }),
  }),
};
