/** A thread of the simulator: runs the seeds that it is sent, one at a time. */
import { parentPort } from "node:worker_threads";
import type { DisksPutBack } from "../world/plan.ts";
import { simulate } from "../simulation.ts";

interface Task {
  readonly seed: number;
  readonly putBack: DisksPutBack | undefined;
}

parentPort?.on("message", ({ seed, putBack }: Task) => {
  void simulate(seed, { putBack }).then((outcome) => parentPort?.postMessage(outcome));
});
