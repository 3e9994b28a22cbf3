/**
 * The cost of an append on its way to a worker, without the threads: a turn is packed, crosses by
 * structured clone, is unpacked, and its bodies are read.
 *
 *     pnpm exec node --conditions=annals-source packages/node/worker/bench/lane.ts
 *
 * Prints one JSON line each; items are appends.
 */
import { MovableBody } from "@annals/channel";
import { runMicroBenches } from "@annals/kit";
import type { ToWorker } from "../src/lane/messages.ts";
import { GATEWAY_CODEC, WORKER_CODEC } from "../src/lane/packing.ts";

const SHAPES = [
  { appends: 256, bytes: 200 },
  { appends: 64, bytes: 16 * 1024 },
  { appends: 8, bytes: 256 * 1024 },
];

function append(id: number, bytes: number): ToWorker {
  const body = MovableBody.own(new Uint8Array(bytes));
  const request = { op: "append", contentType: "application/json", body } as const;
  return {
    kind: "request",
    id,
    logId: 1,
    request: { ...request, stamp: undefined, timeoutMs: 1 },
  };
}

function cross(appends: number, bytes: number): void {
  const { turn, transfer } = GATEWAY_CODEC.pack(
    Array.from({ length: appends }, (_, id) => append(id, bytes)),
  );
  const crossed = structuredClone(turn, { transfer: [...new Set(transfer)] });
  let read = 0;
  for (const message of WORKER_CODEC.unpack(crossed)) {
    if (message.kind === "request" && message.request.op === "append")
      read += message.request.body.bytes.length;
  }
  if (read !== appends * bytes) throw new Error(`${read} bytes have crossed`);
}

await runMicroBenches(
  SHAPES.map(({ appends, bytes }) => ({
    what: `${appends} appends of ${bytes} bytes a turn`,
    items: appends,
    bytes: appends * bytes,
    run: () => cross(appends, bytes),
  })),
);
