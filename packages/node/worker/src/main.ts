/** Entry of a worker thread: joins the lane to the host. */
import { parentPort, workerData } from "node:worker_threads";
import { LaneEnd } from "@annals/channel";
import { LANE_WAITING_MAX, Ledger } from "@annals/flow";
import { invariant } from "@annals/raft";
import { fromWorkerKey, fromWorkerLossy } from "./lane/messages.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./lane/messages.ts";
import { WORKER_CODEC } from "./lane/packing.ts";
import { LogHost } from "./host.ts";

invariant(parentPort !== null, "a worker's entry was started on the main thread");
const port = parentPort;
const setup = workerData as WorkerSetup;
/** The gauges of this thread. */
const ledger = new Ledger();

const lane: LaneEnd<FromWorker, ToWorker> = new LaneEnd(
  port,
  WORKER_CODEC,
  (message) => {
    if (message.kind !== "shutdown") {
      host.handle(message);
      return;
    }
    // The port keeps the thread alive: closing it after the stores are closed is the clean end.
    void host.close().finally(() => setImmediate(end));
  },
  {
    keyOf: fromWorkerKey,
    lossy: fromWorkerLossy,
    onRoom: (dropped) => host.laneHasRoom(dropped),
    waiting: ledger.family("lane").gauge(LANE_WAITING_MAX),
  },
);
/** Runs a turn after the last message was sent, which has left by then. */
function end(): void {
  lane.close();
  port.close();
}

const host = new LogHost(
  setup,
  ledger,
  (message, whenHandled) => lane.send(message, whenHandled),
  () => lane.congested,
);
lane.send({ kind: "running" });
