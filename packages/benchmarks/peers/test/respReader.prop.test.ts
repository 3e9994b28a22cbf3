// Goal: replies come out whole and in order however the bytes are cut. Method: random replies, encoded by the rules of RESP2, cut anywhere.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { RespReader } from "../src/respReader.ts";

interface Reply {
  readonly value: unknown;
  readonly bytes: Buffer;
}

const integer = fc.integer().map((value) => ({ value, bytes: Buffer.from(`:${value}\r\n`) }));
const simple = fc
  .string({ unit: fc.constantFrom("a", "O", "K", " "), maxLength: 5 })
  .map((value) => ({ value, bytes: Buffer.from(`+${value}\r\n`) }));
const bulk = fc.uint8Array({ maxLength: 40 }).map((content) => ({
  value: Buffer.from(content),
  bytes: Buffer.concat([Buffer.from(`$${content.length}\r\n`), content, Buffer.from("\r\n")]),
}));
const none = fc.constant({ value: null, bytes: Buffer.from("$-1\r\n") });
const leaf: fc.Arbitrary<Reply> = fc.oneof(integer, simple, bulk, none);

function arrayOf(items: fc.Arbitrary<Reply>): fc.Arbitrary<Reply> {
  return fc.array(items, { maxLength: 4 }).map((all) => ({
    value: all.map(({ value }) => value),
    bytes: Buffer.concat([Buffer.from(`*${all.length}\r\n`), ...all.map(({ bytes }) => bytes)]),
  }));
}

const reply = fc.oneof(leaf, arrayOf(fc.oneof(leaf, arrayOf(leaf))));

test("every reply, once, in order", () => {
  const replies = fc.array(reply, { minLength: 1, maxLength: 10 });
  const cuts = fc.array(fc.nat({ max: 30 }), { maxLength: 40 });
  fc.assert(
    fc.property(replies, cuts, (all, sizes) => {
      const reader = new RespReader();
      const bytes = Buffer.concat(all.map((one) => one.bytes));
      const read: unknown[] = [];
      let at = 0;
      for (const size of [...sizes, bytes.length]) {
        read.push(...reader.read(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(read).toEqual(all.map(({ value }) => value));
    }),
  );
});

test("an error is a reply", () => {
  expect(new RespReader().read(Buffer.from("-ERR no\r\n"))).toEqual([new Error("ERR no")]);
});
