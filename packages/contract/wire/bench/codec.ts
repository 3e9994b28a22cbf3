/**
 * What the codecs between nodes and to clients cost: `pnpm exec node --conditions=annals-source packages/contract/wire/bench/codec.ts`. Prints one
 * JSON line each; items are messages.
 */
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Message } from "@annals/raft";
import { batchEntry, runMicroBenches } from "@annals/kit";
import { decodeFrame, encodeFrame } from "../src/frames.ts";
import { decodeMessages, encodeMessages } from "../src/messages.ts";
import { splitStreamMessage, streamHead } from "../src/streamMessage.ts";

const MESSAGES = 100;
const PROTOCOL = "annals.v1.msgpack";
const [from, to, term] = [asMemberId(1), asMemberId(2), asTerm(3)];
const records = Array.from({ length: 500 }, () => new Uint8Array(256));
const append: Message = {
  kind: "appendEntries",
  from,
  to,
  term,
  prevLogIndex: asIndex(8),
  prevLogTerm: term,
  leaderCommit: asIndex(8),
  entries: [batchEntry(9, 3, 1, records)],
};
const acknowledgement: Message = {
  kind: "appendEntriesResponse",
  from: to,
  to: from,
  term,
  index: asIndex(9),
  rejected: false,
  hintIndex: asIndex(0),
  hintTerm: asTerm(0),
};
const appended = streamHead(
  PROTOCOL,
  new Map<string, string | number | boolean>([
    ["kind", "appended"],
    ["id", 12],
    ["firstSeq", 1_000_000],
    ["lastSeq", 1_000_499],
    ["count", 500],
    ["duplicate", false],
    ["leader", "127.0.0.1:7400"],
  ]),
);

function frames(what: string, messages: readonly Message[]) {
  const frame = encodeFrame({ kind: "append", epoch: 1, bytes: encodeMessages(messages) });
  return [
    {
      what: `encode ${what}`,
      items: messages.length,
      bytes: frame.length,
      run: () => void encodeFrame({ kind: "append", epoch: 1, bytes: encodeMessages(messages) }),
    },
    {
      what: `decode ${what}`,
      items: messages.length,
      bytes: frame.length,
      run: () => {
        const decoded = decodeFrame(frame);
        if (decoded.kind === "append") decodeMessages(decoded.bytes);
      },
    },
  ];
}

await runMicroBenches([
  ...frames("AppendEntries with a batch of 500 records", [append]),
  ...frames(
    "acknowledgements",
    Array.from({ length: MESSAGES }, () => acknowledgement),
  ),
  {
    what: "head of an answer on the client stream",
    items: MESSAGES,
    run: () => {
      for (let k = 0; k < MESSAGES; k++) splitStreamMessage(PROTOCOL, appended);
    },
  },
]);
