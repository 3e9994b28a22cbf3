// Goal: of a body that has come in, nothing is kept but the body: its chunks give their memory back at once, and nobody else's with it.
// Method: bodies as a parser hands them out, and the buffers of their chunks afterwards.
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { letGo } from "@annals/wire";
import { expect, test } from "vitest";
import { receiveBody } from "../src/receiveBody.ts";

const LIMITS = {
  maxBytes: 2 ** 20,
  maxDecodedBytes: 2 ** 20,
  maxRatio: 1_000,
  minRate: 1,
  graceMs: 60_000,
  timeoutMs: 60_000,
};
const TEXT = Buffer.from("what somebody did ".repeat(20_000));

function pieces(bytes: Uint8Array): readonly Uint8Array[] {
  const count = Math.ceil(bytes.byteLength / 50_000);
  return Array.from({ length: count }, (_, k) =>
    new Uint8Array(bytes).slice(k * 50_000, (k + 1) * 50_000),
  );
}

test.each([
  ["of announced length", undefined, TEXT, { "content-length": String(TEXT.byteLength) }],
  ["of unknown length", undefined, TEXT, {}],
  ["in gzip", "gzip", gzipSync(TEXT), {}],
  ["in zstd", "zstd", zstdCompressSync(TEXT), {}],
] as const)("a body %s", async (_how, encoding, bytes, headers) => {
  const message = new IncomingMessage(new Socket());
  Object.assign(message.headers, headers);
  const chunks = pieces(bytes);
  const coming = chunks.values();
  // As a parser does that is paused after each: what gathers would be joined, in a buffer of its own.
  message._read = () => void message.push(coming.next().value ?? null);
  message.complete = true;
  const body = await receiveBody(message, encoding, LIMITS, {
    onBegin: () => () => undefined,
    onGrow: () => undefined,
    onDecoded: () => undefined,
  });
  expect(Buffer.compare(body, TEXT)).toBe(0);
  expect(chunks.map(({ byteLength }) => byteLength)).toEqual(chunks.map(() => 0));
});

test.each([
  ["is here", 2 ** 20, undefined],
  ["is given up as too large", 10, "ERR_BODY_TOO_LARGE"],
  ["is cut from outside", 2 ** 20, "ERR_CUT"],
])("that a body comes in is over when it %s, once", async (_how, maxBytes, code) => {
  const message = new IncomingMessage(new Socket());
  message._read = () => undefined;
  message.complete = true;
  let [begun, over] = [0, 0];
  const body = receiveBody(
    message,
    undefined,
    { ...LIMITS, maxBytes },
    {
      onBegin: (cut) => {
        begun++;
        if (code === "ERR_CUT") cut(Object.assign(new Error("cut"), { code }));
        return () => void over++;
      },
      onGrow: () => undefined,
      onDecoded: () => undefined,
    },
  );
  message.push(new Uint8Array(11));
  if (code === undefined) message.push(null);
  const outcome = await body.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
  expect(outcome).toBe(code);
  expect([begun, over]).toEqual([1, 1]);
});

test("a part of a buffer is left alone", () => {
  const part = new Uint8Array(10).subarray(0, 9);
  letGo(part);
  expect(part.byteLength).toBe(9);
});
