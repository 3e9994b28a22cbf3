// Goal: a file is read as the same lines however it comes in pieces, and these are what the server
// makes of them: the same number, the same places, the same blank ones. Method: texts of awkward
// lines, cut at every byte, read in blocks of every size; the server's own parser judges.
import { createHash } from "node:crypto";
import { RECORD_LIMITS } from "@annals/record";
import { parseIngestBody } from "@annals/wire";
import { expect, test } from "vitest";
import { blockOf, bodyOf, linesOf, partOf, takeBlock } from "../../src/import/block.ts";
import { BlockReader, isLongLine } from "../../src/import/blockReader.ts";
import type { LongLine } from "../../src/import/blockReader.ts";
import type { Block } from "../../src/import/block.ts";
import { cutBytes, letterBytes } from "../../src/import/deadLetters.ts";
import { markOf, NO_TRAIL, trailAfter, trailAt, trailBehind } from "../../src/follow/trail.ts";

const R = '{"actor":{"id":"é"},"action":"a"}';
const TEXTS = [
  `${R}\n${R}\r\n\n   \n\t\r\n${R}\n`,
  `\ufeff${R}\n${R}`,
  `\ufeff\n${R}\n`,
  `\r\n\n${R}\r\n \r\n${R}\r\n`,
  `\n\n\n`,
  R,
];

/** A content of which so many bytes are there at first, and all at the end. */
function growing(text: string, cut: number) {
  const all = Buffer.from(text);
  const content = {
    there: cut,
    isStream: false,
    compression: undefined,
    bytesTaken: 0,
    size: async () => content.there,
    read: async (from: number, to: number) => all.subarray(from, Math.min(to, content.there)),
    readBehind: async (before: Uint8Array, from: number, to: number) =>
      Buffer.concat([before, await content.read(from, to)]),
    close: async () => undefined,
  };
  return content;
}

async function readAll(text: string, cut: number, maxRecords: number): Promise<Block[]> {
  const content = growing(text, cut);
  const reader = new BlockReader(content, 0, { waitsForEnd: true });
  const blocks: Block[] = [];
  const limits = { maxBytes: 60, maxRecords };
  const take = async (isFinal: boolean): Promise<void> => {
    for (;;) {
      const found = await reader.next(limits, isFinal);
      if (found === undefined) break;
      if (!isLongLine(found)) blocks.push(found);
    }
    reader.forget();
  };
  await take(false);
  content.there = Buffer.byteLength(text);
  await take(true);
  return blocks;
}

function records(body: Uint8Array): number {
  return parseIngestBody("application/x-ndjson", body, RECORD_LIMITS).records.length;
}

test.each(TEXTS)("%j is the same lines wherever it is cut", async (text) => {
  const whole = blockOf(Buffer.from(text), 0);
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    for (const maxRecords of [1, 2, 100]) {
      const blocks = await readAll(text, cut, maxRecords);
      expect(Buffer.concat(blocks.map((one) => one.bytes))).toEqual(bytes);
      const sum = (of: (block: Block) => number): number =>
        blocks.reduce((before, block) => before + of(block), 0);
      expect(sum((block) => block.records)).toBe(whole.records);
      expect(sum((block) => block.lineEnds)).toBe(whole.lineEnds);
      for (const block of blocks) expect(block.records).toBeLessThanOrEqual(maxRecords);
      const counts = blocks
        .filter((block) => block.records > 0)
        .map((block) => records(bodyOf(block)) - block.records);
      expect(counts.filter((difference) => difference !== 0)).toEqual([]);
    }
  }
});

test("a byte order mark within a file is none, wherever a request begins", () => {
  const bytes = Buffer.from(`\ufeff\n`);
  expect(blockOf(bytes, 0).records).toBe(0);
  const later = blockOf(bytes, 10);
  expect(later.records).toBe(1);
  expect(() => records(bodyOf(later))).toThrow("no JSON value");
});

test("lines of a block are numbered as records are, and its parts are blocks", () => {
  const bytes = Buffer.from(`\n${R}\r\n  \n${R}\n`);
  const block = blockOf(bytes, 100);
  const lines = linesOf(block);
  expect(lines.map(({ number }) => number)).toEqual([1, 3]);
  expect(lines.map(({ from, to }) => bytes.subarray(from, to).toString())).toEqual([R, R]);
  expect(partOf(block, 0, lines[1]?.from ?? 0)).toMatchObject({
    records: 1,
    lineEnds: 3,
    from: 100,
  });
});

test("a block ends before it is too large, but for a line that is", () => {
  const bytes = Buffer.from(`aaaa\nbb\ncc\n`);
  const taken = takeBlock(bytes, 0, { maxBytes: 3, maxRecords: 9 }, false);
  expect(taken?.block.bytes.toString()).toBe("aaaa\n");
  const rest = takeBlock(bytes.subarray(5), 5, { maxBytes: 6, maxRecords: 9 }, false);
  expect(rest?.block.records).toBe(2);
});

test("a line that is too long is measured and not held", async () => {
  const long = "x".repeat((16 << 20) + 5);
  const text = `${R}\n${long}\n${R}\n`;
  const reader = new BlockReader(growing(text, Buffer.byteLength(text)), 0, { waitsForEnd: true });
  const limits = { maxBytes: 1 << 20, maxRecords: 500 };
  const first = await reader.next(limits, false);
  const second = await reader.next(limits, false);
  const third = await reader.next(limits, false);
  const at = Buffer.byteLength(`${R}\n`);
  expect(first).toMatchObject({ records: 1, from: 0 });
  expect(second).toMatchObject({
    from: at,
    to: at + long.length + 1,
    length: long.length,
    sha256: createHash("sha256").update(long).digest("hex"),
    isWhole: true,
  });
  expect(third).toMatchObject({ records: 1, from: at + long.length + 1 });
  const content = growing(text, Buffer.byteLength(text));
  const behind = trailBehind(trailAfter(NO_TRAIL, Buffer.from(`${R}\n`)), second as LongLine);
  const there = await trailAt(content, at + long.length + 1);
  expect(markOf(behind)).toEqual(there === undefined ? undefined : markOf(there));
});

test("a trail is the same however its bytes came", async () => {
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, k) => (k * 31) % 251));
  const content = growing(bytes.toString("latin1"), 0);
  content.read = async (from, to) => bytes.subarray(from, to);
  for (const step of [1, 7, 1023, 1024, 1025, 4999]) {
    let trail = NO_TRAIL;
    for (let at = 0; at < bytes.length; at += step) {
      trail = trailAfter(trail, bytes.subarray(at, at + step));
      const there = await trailAt(content, trail.at);
      expect(there === undefined ? undefined : markOf(there)).toEqual(markOf(trail));
    }
  }
});

test("a dead letter has the bytes of its line, and no more than it may hold", () => {
  expect(letterBytes(Buffer.from("José"))).toMatchObject({ text: "José", length: 5 });
  const latin = Buffer.from("Jos\xe9", "latin1");
  expect(letterBytes(latin)).toMatchObject({ base64: latin.toString("base64"), length: 4 });
  // Cut within a character: it is UTF-8 all the same.
  const cut = cutBytes(Buffer.from("abé").subarray(0, 3), 9, "");
  expect(cut).toEqual({ length: 9, sha256: "", text: "ab", cut: true });
  const long = letterBytes(Buffer.alloc((1 << 20) + 1, "x"));
  expect(long).toMatchObject({ cut: true, length: (1 << 20) + 1 });
  expect(long.text?.length).toBe(1 << 20);
});
