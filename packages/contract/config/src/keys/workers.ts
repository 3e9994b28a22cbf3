import { availableParallelism } from "node:os";
import { z } from "zod";
import { standardMemoryLimit } from "../budget/machine.ts";
import { key } from "./kinds.ts";
import { MEBIBYTE, SUM, TEBIBYTE } from "./limits.ts";

/** Keys of the threads that own the logs, and of the memory of the process. */
export const workersKeys = {
  workers: z.strictObject({
    count: key.count(() => Math.min(4, availableParallelism()), "node", {
      greatest: 64,
      standardText: "number of cores, at most 4, less where memory.limit is small",
      about: "Threads that own the logs.",
      tooLow: "Logs share a core.",
      tooHigh: "More heaps than cores gain nothing.",
    }),
    maxHeapBytes: key.bytes("512MiB", "node", {
      greatest: 64 * 1024 * MEBIBYTE,
      about:
        "Heap of one worker, 24 MiB at least: new objects have up to a third of it, and at most " +
        "48 MiB. Beyond it the thread ends and its logs are handed to others.",
      tooLow: "Workers end although nothing is wrong when the queues of their logs need more.",
      tooHigh: "The process may run out of memory before a worker does.",
    }),
    heapSnapshot: key.switch(false, "node", {
      about:
        "Whether a worker that comes to the end of its heap writes what the heap holds to " +
        "heap-snapshots in the data directory, once, for the developer tools of Chrome. Three " +
        "files are kept, and then no more are written. Records are in them.",
      tooLow: "Nobody can see afterwards what filled a heap.",
      tooHigh:
        "Writing a snapshot stops the logs of the worker for seconds and takes as much memory " +
        "again.",
    }),
    maxQueueBytes: key.bytes("128MiB", "node", {
      greatest: SUM,
      about:
        "Bytes received and not yet flushed, over all links of one worker. At the cap all of " +
        "them are paused (`worker-budget`) until half is flushed.",
      tooLow: "One slow log holds up the others of its worker; below replication.maxMessageBytes.",
      tooHigh: "Each worker may use this much memory when many logs catch up at once.",
    }),
    reassignStagger: key.duration("100ms", "node", {
      greatest: 60_000,
      about: "Interval between two logs of ended workers that get a new worker, over all crashes.",
      tooLow: "All logs catch up at once on the new worker.",
      tooHigh: "Logs wait longer after a crash of their worker.",
    }),
    maxCatchUps: key.count(4, "node", {
      greatest: 1024,
      about:
        "Logs of one worker that are opened or catch up at a time. The next one is opened when " +
        "one of them has applied what was committed when it came, or makes no progress any more.",
      tooLow: "Logs come back one after the other when a node or a worker starts.",
      tooHigh:
        "Many logs catch up at once, each with full queues; appends to the others wait for the " +
        "disk.",
    }),
    maxIsolated: key.count(1, "node", {
      greatest: 8,
      about:
        "Workers beyond workers.count for logs that keep ending theirs. Each of these has one " +
        "for itself, with half of workers.maxHeapBytes; at the cap it waits, closed, for its " +
        "turn.",
      tooLow: "Several such logs take turns, and each is closed for longer.",
      tooHigh: "Each of these workers adds a heap and its queues to the budget.",
    }),
  }),
  memory: z.strictObject({
    limit: key.bytes(() => `${standardMemoryLimit()}B`, "node", {
      greatest: 16 * TEBIBYTE,
      standardText: "75 % of the machine's memory, or of the container's if that is less",
      about:
        "Memory that the node may need when every queue is full (bounds.md). A node whose sum is " +
        "larger does not start, and a log that would not fit is not created.",
      tooLow: "Fewer logs fit.",
      tooHigh: "The system may end the process when everything is full at once.",
    }),
  }),
};
