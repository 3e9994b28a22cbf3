/** A thread of the simulator: runs the seeds that it is sent, one at a time. */
import { parentPort } from "node:worker_threads";
import { simulate } from "./simulation.ts";

parentPort?.on("message", (seed: number) => {
  void simulate(seed).then((outcome) => parentPort?.postMessage(outcome));
});
