// Goal: a message is in memory of its own, and copied only when it was not before. Method: messages as ws gives them.
import { expect, test } from "vitest";
import { ownBytes } from "../src/websocket.ts";

const TEXT = Buffer.from("heartbeat");

test("a message that ws put together is taken as it is", () => {
  const whole = Buffer.allocUnsafeSlow(70_000).fill(7);
  expect(ownBytes(whole).buffer).toBe(whole.buffer);
});

test.each([
  ["cut out of a read", Buffer.concat([Buffer.alloc(3), TEXT, Buffer.alloc(5)]).subarray(3, 12)],
  ["in fragments", [TEXT.subarray(0, 4), TEXT.subarray(4)]],
])("a message %s has memory of exactly its size", (_, message) => {
  const bytes = ownBytes(message);
  expect(Buffer.from(bytes)).toEqual(TEXT);
  expect(bytes.buffer.byteLength).toBe(TEXT.length);
});
