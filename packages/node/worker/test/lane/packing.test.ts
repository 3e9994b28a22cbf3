/**
 * Goal: what crosses a lane packed comes out as it went in, in its order. Method: random turns through structured clone, as a post does it.
 */
import { RECORD_CONTENT_TYPES } from "@annals/api";
import { MovableBody } from "@annals/channel";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { FromWorker, ToWorker } from "../../src/lane/messages.ts";
import { GATEWAY_CODEC, WORKER_CODEC } from "../../src/lane/packing.ts";

const whole = fc.nat();

const stamp = fc.option(fc.record({ id: fc.string(), epoch: whole, sequence: whole }), {
  nil: undefined,
});
const request = fc.record({
  op: fc.constant("append" as const),
  contentType: fc.constantFrom(...RECORD_CONTENT_TYPES),
  // Some are views, some too large to be packed, some too large to be copied.
  body: fc
    .oneof(
      fc
        .uint8Array({ minLength: 1, maxLength: 50 })
        .map((bytes) => bytes.subarray(bytes.length >> 1)),
      fc
        .constantFrom(4095, 4096, 5000, 32_768, 32_769)
        .map((length) => new Uint8Array(length + 3).fill(7).subarray(3)),
    )
    .map((bytes) => MovableBody.own(bytes)),
  stamp,
  timeoutMs: whole,
});
const toWorker: fc.Arbitrary<ToWorker> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("request" as const),
      id: whole,
      logId: whole,
      request,
    }),
  },
  fc.record({ kind: fc.constant("linkClosed" as const), linkId: whole }),
);

const reply = fc.record(
  {
    firstSeq: whole,
    lastSeq: whole,
    count: whole,
    duplicate: fc.boolean(),
    schemas: fc.constant({ "user.login": 1 }),
  },
  { requiredKeys: ["firstSeq", "lastSeq", "count", "duplicate"] },
);
const fromWorker: fc.Arbitrary<FromWorker> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("appended" as const), id: whole, reply }) },
  fc.record({ kind: fc.constant("opened" as const), logId: whole }),
);

it("appends reach the worker as they are", () => {
  fc.assert(
    fc.property(fc.array(toWorker), (messages) => {
      const expected = messages.map(exact);
      const { turn, transfer } = GATEWAY_CODEC.pack(messages);
      const crossed = structuredClone(turn, { transfer: [...new Set(transfer)] });
      expect(WORKER_CODEC.unpack(crossed).map(exact)).toEqual(expected);
    }),
  );
});

it("answers reach the gateway as they are", () => {
  fc.assert(
    fc.property(fc.array(fromWorker), (messages) => {
      const { turn } = WORKER_CODEC.pack(messages);
      expect(GATEWAY_CODEC.unpack(structuredClone(turn))).toEqual(messages);
    }),
  );
});

it("a thousand small appends are one message", () => {
  const messages: ToWorker[] = Array.from({ length: 1000 }, (_, id) => ({
    kind: "request",
    id,
    logId: 1,
    request: {
      op: "append",
      contentType: "application/msgpack",
      body: MovableBody.own(new Uint8Array(10)),
      stamp: undefined,
      timeoutMs: 1,
    },
  }));
  expect(GATEWAY_CODEC.pack(messages).turn).toHaveLength(1);
});

const BODIES = [
  { bytes: 4095, what: "packed: it stays here, and shares its buffer there", moved: false },
  { bytes: 4096, what: "copied: it stays here", moved: false },
  { bytes: 32_768, what: "copied: it stays here", moved: false },
  { bytes: 32_769, what: "moved, with the memory that it lies in", moved: true },
];

it.each(BODIES)("a body of $bytes bytes is $what", ({ bytes, moved }) => {
  const memory = new Uint8Array(bytes + 100).fill(7);
  const body = MovableBody.own(memory.subarray(100));
  const { turn, transfer } = GATEWAY_CODEC.pack([append(body)]);
  expect(transfer).toHaveLength(1);
  expect([body.moved, transfer[0] === memory.buffer]).toEqual([moved, moved]);
  const [there] = WORKER_CODEC.unpack(structuredClone(turn, { transfer: [...transfer] }));
  const received = there === undefined ? undefined : bodyOf(there);
  expect(received?.copy()).toEqual(new Uint8Array(bytes).fill(7));
  expect(received?.shared).toBe(bytes < 4096);
  // What has moved is not here any more, and what has not is as it was.
  expect(memory.length).toBe(moved ? 0 : bytes + 100);
});

function append(body: MovableBody): ToWorker {
  const request = { op: "append", contentType: "application/json", body } as const;
  return {
    kind: "request",
    id: 1,
    logId: 1,
    request: { ...request, stamp: undefined, timeoutMs: 1 },
  };
}

function bodyOf(message: ToWorker): MovableBody | undefined {
  return message.kind === "request" && message.request.op === "append"
    ? message.request.body
    : undefined;
}

/** The message with the bytes of its body. */
function exact(message: ToWorker): unknown {
  if (message.kind !== "request" || message.request.op !== "append") return message;
  return { ...message, request: { ...message.request, body: [...message.request.body.bytes] } };
}
