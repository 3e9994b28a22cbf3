import { FRAMES_PER_READ, LANE_WAITING_MAX, OPEN_SEGMENTS_MAX } from "@annals/flow";
import { constant, none, one } from "./bound.ts";
import type { Bound } from "./bound.ts";
import { isolatedHeapBytes, workerHeapBytes } from "./workerHeap.ts";
import * as fixed from "./constants.ts";

const POOL = "packages/node/node/test/workerPool.test.ts";
const PLACES = "packages/node/node/test/workerPlaces.test.ts";
const ISOLATION = "packages/node/node/test/isolation.test.ts";

/** What the process needs beside its queues, and what nothing of ours bounds. */
export const PROCESS_BOUNDS: readonly Bound[] = [
  {
    name: "heap.worker",
    holds: "JavaScript objects of a worker; its buffers are in the rows above",
    place: "worker",
    per: "shared",
    unit: "bytes",
    setBy: "workers.maxHeapBytes",
    cap: workerHeapBytes,
    item: none,
    weight: one,
    atCap: "the thread ends; its logs are handed to others",
    measured: true,
    test: [POOL, "hands a dead worker's logs to a fresh one"],
  },
  {
    name: "heap.isolated",
    holds: "JavaScript objects of a worker of an isolated log",
    place: "worker",
    per: "isolated",
    unit: "bytes",
    setBy: "workers.maxHeapBytes",
    cap: isolatedHeapBytes,
    item: none,
    weight: one,
    atCap:
      "half of what many logs share, 32 MiB at least: the thread ends, and the log is tried again later",
    measured: true,
    test: [PLACES, "is isolated; the others come back and stay"],
  },
  {
    name: "heap.gateway",
    holds: "JavaScript objects of the main thread",
    place: "gateway",
    per: "node",
    unit: "bytes",
    setBy: "constant",
    cap: constant(fixed.GATEWAY_HEAP_BYTES),
    item: none,
    weight: one,
    atCap:
      "measured: several times what it was seen to need. Together with what V8 has not collected yet it may take 512 MiB, then the " +
      "process ends (128 under `annals dev`, no limit on Windows)",
    measured: true,
    test: ["packages/apps/cli/test/node/mainHeap.test.ts", "V8 takes them for a heap of 512 MiB"],
  },
  {
    name: "process",
    holds: "code, stacks and native memory of the process",
    place: "gateway",
    per: "node",
    unit: "bytes",
    setBy: "measured",
    cap: constant(fixed.PROCESS_BYTES),
    item: none,
    weight: one,
    atCap: "no cap: what an idle process was seen to need",
    ungauged: "part of rss",
    test: undefined,
  },
  {
    name: "thread",
    holds: "code, stacks and native memory of a worker",
    place: "worker",
    per: "worker",
    unit: "bytes",
    setBy: "measured",
    cap: constant(fixed.THREAD_BYTES),
    item: none,
    weight: one,
    atCap: "no cap: what an idle thread was seen to need",
    ungauged: "part of rss",
    test: undefined,
  },
  {
    name: "catch-ups",
    holds: "logs that are opened or catch up",
    place: "gateway",
    per: "worker",
    unit: "count",
    setBy: "workers.maxCatchUps",
    cap: (config) => config.workers.maxCatchUps,
    item: none,
    weight: none,
    atCap:
      "the next log waits, closed, until one has applied what was committed when it came, or makes no progress; a log that was " +
      "repaired does not wait. Their queues are in the rows above",
    test: [PLACES, "opens so many logs at a time"],
  },
  {
    name: "isolated",
    holds: "workers of logs that keep ending theirs",
    place: "gateway",
    per: "node",
    unit: "count",
    setBy: "workers.maxIsolated",
    cap: (config) => config.workers.maxIsolated,
    item: none,
    weight: none,
    atCap: "such a log waits, closed, for its turn. Their memory is in the rows per worker",
    test: [ISOLATION, "at the cap a single suspect waits"],
  },
  {
    name: "lane",
    holds: "messages between gateway and worker, at each end, beyond 8 turns on their way",
    place: "worker",
    per: "worker",
    unit: "count",
    setBy: "constant",
    cap: constant(LANE_WAITING_MAX),
    // A read of a socket that brings nothing but empty frames.
    item: constant(FRAMES_PER_READ),
    weight: none,
    atCap:
      "further links are refused (`ERR_LINK_CONGESTED`). Before: questions and frames stop at the caps of their rows, where bytes count; " +
      "heartbeats and votes are dropped as soon as 8 turns are on their way, and acknowledgements and credit gather per link in constant " +
      "space; of 1000 log lines that wait, further ones are dropped and counted",
    test: ["packages/node/channel/test/laneEnd.test.ts", "drops lossy messages beyond their cap"],
  },
  {
    name: "lines",
    holds: "log lines that stderr has not taken",
    place: "gateway",
    per: "node",
    unit: "bytes",
    setBy: "constant",
    cap: constant(fixed.LINES_BYTES_MAX),
    item: none,
    weight: one,
    atCap: "further lines are dropped and counted (`annals_process_log_lines_dropped_total`)",
    ungauged: "inside the logger's stream, whose `maxLength` is our cap",
    test: [
      "packages/node/node/test/logger.test.ts",
      "drops lines that nobody takes, and counts them",
    ],
  },
  {
    name: "segments",
    holds: "sealed segments that are open for reading, beside the one that is written",
    place: "worker",
    per: "log",
    unit: "count",
    setBy: "constant",
    cap: constant(OPEN_SEGMENTS_MAX),
    item: none,
    weight: none,
    atCap:
      "the one that was read longest ago is closed. Not so on a read-only disk: LMDB keeps what it has opened without a lock file until " +
      "the process ends, so there each segment that is read stays open, once more for each time that its log is opened anew; without " +
      "files left, reads of further ones are refused (`ERR_DISK_UNAVAILABLE`). Files count in the budget of open files, pages below",
    ungauged: "the system counts the files of a process (`/proc/PID/fd`)",
    test: [
      "packages/node/storage/test/segments/sealedSegments.test.ts",
      "so many segments are open at a time, however many are read",
    ],
  },
  {
    name: "file pages",
    holds: "pages of LMDB's files that the kernel keeps mapped",
    place: "worker",
    per: "log",
    unit: "bytes",
    setBy: undefined,
    cap: none,
    item: none,
    weight: none,
    atCap: "the kernel's: part of the resident set, taken back when memory is short",
    ungauged: "part of rss",
    test: undefined,
  },
];
