// Goal: what is written in one turn is one call, in order, and every message is called taken once, also behind a close. Method: a stream in memory.
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { TurnWrites } from "../../src/stream/turnWrites.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const text = (value: string): readonly Uint8Array[] => [Buffer.from(value)];

test("messages of one turn are called taken once each, in order", async () => {
  const taken: string[] = [];
  const connection = new PassThrough();
  const writes = new TurnWrites(connection, false, () => true);
  for (const name of ["a", "b"]) writes.add(text(name), () => taken.push(name));
  expect(taken).toEqual([]);
  await turn();
  expect(connection.read()).toEqual(Buffer.from([0x81, 1, 0x61, 0x81, 1, 0x62]));
  await expect.poll(() => taken).toEqual(["a", "b"]);
  await turn();
  expect(taken).toEqual(["a", "b"]);
});

test("behind a close nothing is written, and what was to be is called taken", async () => {
  const taken: string[] = [];
  const connection = new PassThrough();
  let open = true;
  const writes = new TurnWrites(connection, true, () => open);
  writes.add(text("a"), () => taken.push("a"));
  open = false;
  await turn();
  expect(taken).toEqual(["a"]);
  writes.add(text("b"), () => taken.push("b"));
  writes.flush();
  expect(taken).toEqual(["a", "b"]);
  expect(connection.read()).toBeNull();
});
