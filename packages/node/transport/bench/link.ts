/**
 * A data link on a loopback socket: AppendEntries there, its acknowledgement and new credit back, one at a time and 16.
 * `pnpm exec node --conditions=annals-source packages/node/transport/bench/link.ts`. Prints one JSON line each; items are messages.
 */
import { setImmediate as turn } from "node:timers/promises";
import { Ledger } from "@annals/flow";
import { MemoryBlobs, runMicroBenches } from "@annals/kit";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import { decodeFrame, decodeMessages, encodeFrame, encodeMessages } from "@annals/wire";
import { DataLink } from "../src/dataLink.ts";
import { Permits } from "../src/permits.ts";
import { append, Loopback, WELCOME } from "../test/loopback.ts";

const MAX_BYTES = 64 * 2 ** 20;
const SIZES = [256, 128 * 1024] as const;
const WINDOW = 16;

const acknowledgement = encodeFrame({
  kind: "response",
  epoch: 1,
  bytes: encodeMessages([
    {
      kind: "appendEntriesResponse",
      from: asMemberId(2),
      to: asMemberId(1),
      term: asTerm(1),
      index: asIndex(1),
      rejected: false,
      hintIndex: asIndex(0),
      hintTerm: asTerm(0),
    },
  ]),
});

const peer = await Loopback.start({
  maxMessageBytes: MAX_BYTES,
  maxQueueBytes: MAX_BYTES,
  handler: (link) => ({
    greeting: [WELCOME, { kind: "grant", entries: 1_000_000, bytes: MAX_BYTES }],
    onBytes: (bytes) => {
      const frame = decodeFrame(bytes);
      link.release(bytes.length);
      if (frame.kind !== "append") return;
      for (const message of decodeMessages(frame.bytes)) {
        if (message.kind !== "appendEntries") continue;
        const size = message.entries.reduce((sum, { data }) => sum + data.length, 0);
        link.send(acknowledgement);
        link.send(encodeFrame({ kind: "grant", entries: message.entries.length, bytes: size }));
      }
    },
    onClose: () => undefined,
  }),
});

let owed = 0;
let answered = (): void => undefined;
const link = new DataLink({
  self: asMemberId(1),
  follower: asMemberId(2),
  ...peer.dialling("data"),
  ledger: new Ledger(),
  maxQueuedBytes: MAX_BYTES,
  maxQueuedMessages: 1_000,
  progressTimeoutMs: 60_000,
  blobs: new MemoryBlobs(),
  blobPermits: new Permits(1),
  onMessages: (messages) => {
    owed -= messages.length;
    if (owed === 0) answered();
  },
  onLost: (fault) => {
    throw new Error(`the link is lost: ${fault.code} ${fault.reason}`);
  },
});
while (!link.open) await turn();

async function roundTrip(count: number, bytes: number): Promise<void> {
  owed = count;
  const done = new Promise<void>((resolve) => (answered = resolve));
  for (let k = 0; k < count; k++) link.send([append(1, bytes)]);
  await done;
}

await runMicroBenches(
  SIZES.flatMap((bytes) =>
    [1, WINDOW].map((items) => ({
      what: `round trip of ${items} with ${bytes} bytes`,
      items,
      bytes: items * bytes,
      run: () => roundTrip(items, bytes),
    })),
  ),
);
link.close();
await peer.close();
