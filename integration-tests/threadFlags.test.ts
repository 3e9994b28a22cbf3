/**
 * Goal: a node starts its threads although its process has flags of V8, which a thread must not be given by name, with flags of its own for
 * the threads and without. Method: the built command, its process started with a limit on the main thread's heap.
 */
import { afterEach, expect, it } from "vitest";
import { SerialWorkload } from "./support/workload.ts";
import { TestCluster } from "./support/cluster.ts";

let cluster: TestCluster | undefined;

afterEach(async () => cluster?.close());

it.each([false, true])(
  "a limit on the heap, heap snapshots of workers %s",
  async (heapSnapshot) => {
    cluster = await TestCluster.start({
      nodes: ["a"],
      config: `workers: { count: 2, heapSnapshot: ${heapSnapshot} }\n`,
      flags: ["--max-old-space-size=512", "--stack-trace-limit=20"],
    });
    await cluster.untilReady();
    await new SerialWorkload(cluster.client(), "audit", 1).run(3);
    expect((await cluster.status("a"))?.workerRestarts).toBe(0);
    expect(await cluster.stop("a")).toBe(0);
  },
);
