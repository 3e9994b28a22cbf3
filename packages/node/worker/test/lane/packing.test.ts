/**
 * Goal: what crosses a lane packed comes out as it went in, in its order. Method: random turns through structured clone, as a post does it.
 */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { FromWorker, ToWorker } from "../../src/lane/messages.ts";
import { GATEWAY_CODEC, WORKER_CODEC } from "../../src/lane/packing.ts";
import { RECORD_CONTENT_TYPES } from "@annals/api";

const whole = fc.nat();

const stamp = fc.option(fc.record({ id: fc.string(), epoch: whole, sequence: whole }), {
  nil: undefined,
});
const request = fc.record({
  op: fc.constant("append" as const),
  contentType: fc.constantFrom(...RECORD_CONTENT_TYPES),
  // Some are views, some too large to be packed.
  body: fc.oneof(
    fc
      .uint8Array({ minLength: 1, maxLength: 50 })
      .map((bytes) => bytes.subarray(bytes.length >> 1)),
    fc.constantFrom(4095, 4096, 5000).map((length) => new Uint8Array(length).fill(7)),
  ),
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
      const expected = structuredClone(messages).map(exact);
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
      body: new Uint8Array(10),
      stamp: undefined,
      timeoutMs: 1,
    },
  }));
  expect(GATEWAY_CODEC.pack(messages).turn).toHaveLength(1);
});

/** What a view shows, without what lies behind it. */
function exact(message: ToWorker): unknown {
  if (message.kind !== "request" || message.request.op !== "append") return message;
  return { ...message, request: { ...message.request, body: [...message.request.body] } };
}
