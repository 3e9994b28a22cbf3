/**
 * The follower's side of a data link without a socket: frames of AppendEntries in, messages out to a replica that is done at once.
 * `pnpm exec node --conditions=annals-source packages/node/transport/bench/receive.ts`. Prints one JSON line each; items are entries.
 */
import { setImmediate as turn } from "node:timers/promises";
import { MemoryBlobs, runMicroBenches } from "@annals/kit";
import { encodeMessagesFrame } from "@annals/wire";
import { Receiver } from "../src/receiver.ts";
import { append, ENDS } from "../test/loopback.ts";

const ENTRY_BYTES = 256;
const FRAMES = 64;

let entries = 0;
const receiver = new Receiver({
  ends: ENDS,
  limits: {
    eventHighWaterMark: 100,
    maxQueueBytes: 32 * 2 ** 20,
    maxCommitBacklog: 150,
    yieldAfterMs: 10,
  },
  blobs: {
    files: new MemoryBlobs(),
    maxBlobBytes: 1000,
    sendAnswer: () => {},
    onSaved: () => {},
    onNotSaved: () => {},
  },
  deliver: (messages, receipt) => {
    for (const message of messages)
      if (message.kind === "appendEntries") entries += message.entries.length;
    receipt.stepped();
    receipt.durable();
  },
  sendGrant: () => {},
  onReleased: () => {},
  onFault: (error) => {
    throw error;
  },
  now: () => performance.now(),
});

async function receive(count: number): Promise<void> {
  entries = 0;
  for (let k = 0; k < FRAMES; k++)
    receiver.onFrame(encodeMessagesFrame("append", 1, [append(1, ENTRY_BYTES, count)]));
  const all = FRAMES * count;
  const done = (): boolean => entries >= all;
  while (!done()) await turn();
}

await runMicroBenches(
  [1, 8, 64].map((count) => ({
    what: `${FRAMES} frames of ${count} entries`,
    items: FRAMES * count,
    bytes: FRAMES * count * ENTRY_BYTES,
    run: () => receive(count),
  })),
);
receiver.close();
