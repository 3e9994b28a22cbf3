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

test("a frame that ws writes comes behind those of before, and before those that follow", async () => {
  const connection = new PassThrough();
  const writes = new TurnWrites(connection, false, () => true);
  writes.add(text("a"), () => undefined);
  writes.hold();
  connection.write("frame of ws");
  writes.add(text("b"), () => undefined);
  writes.hold();
  connection.write("another one");
  // All of it in one go, at the end of the turn.
  expect(connection.read()).toBeNull();
  await turn();
  const frame = (name: string): Buffer => Buffer.from([0x81, 1, name.charCodeAt(0)]);
  const ofWs = [Buffer.from("frame of ws"), Buffer.from("another one")] as const;
  expect(connection.read()).toEqual(Buffer.concat([frame("a"), ofWs[0], frame("b"), ofWs[1]]));
});

test.each([0, 1, 125, 126, 65_535, 65_536, 100_000])(
  "a message of %i bytes has the header that RFC 6455 has for it",
  async (length) => {
    const connection = new PassThrough({ highWaterMark: 2 ** 20 });
    const writes = new TurnWrites(connection, true, () => true);
    const half = Math.floor(length / 2);
    const parts = [new Uint8Array(half).fill(7), new Uint8Array(length - half).fill(9)];
    writes.add(parts, () => undefined);
    await turn();
    const bytes: Buffer = connection.read();
    const short = bytes[1] ?? 0;
    const at = short < 126 ? 2 : short === 126 ? 4 : 10;
    const told =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(2)
          : Number(bytes.readBigUInt64BE(2));
    // The shortest of the three that can say it (section 5.2).
    expect([bytes[0], at, told]).toEqual([
      0x82,
      length <= 125 ? 2 : length <= 65_535 ? 4 : 10,
      length,
    ]);
    expect(bytes.subarray(at)).toEqual(Buffer.concat(parts));
  },
);
