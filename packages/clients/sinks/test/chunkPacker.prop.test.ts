// Goal: chunks carry every mutation once and in order, within the caps, and follow each other without a gap. Method: random records, caps that
// change from chunk to chunk, and a start in the middle of a record.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { packChunks } from "../src/run/chunkPacker.ts";
import type { ChunkCaps, PackedChunk } from "../src/run/chunkPacker.ts";
import type { SinkCursor } from "../src/sink.ts";

const CURSOR = {
  settings: "s",
  scope: "log audit",
  anchor: 0,
  epoch: 1,
  recordHash: "",
  part: 0,
  seq: 0,
};

interface Item {
  readonly id: string;
  readonly bytes: number;
}

const CAPS = fc.record({
  items: fc.integer({ min: 1, max: 8 }),
  bytes: fc.integer({ min: 1, max: 60 }),
  records: fc.integer({ min: 1, max: 6 }),
});
const PLANS = fc.array(fc.array(fc.integer({ min: 0, max: 80 }), { maxLength: 20 }), {
  maxLength: 30,
});

interface Packed {
  readonly all: readonly Item[];
  readonly chunks: readonly PackedChunk<Item>[];
  readonly used: readonly ChunkCaps[];
}

function pack(
  plans: readonly (readonly number[])[],
  caps: readonly ChunkCaps[],
  part: number,
): Packed {
  const records = plans.map((sizes, k) => ({
    seq: k + 1,
    hash: `h${k + 1}`,
    mutations: sizes.map((bytes, m): Item => ({ id: `${k + 1}/${m}`, bytes })),
  }));
  const chunks: PackedChunk<Item>[] = [];
  const used: ChunkCaps[] = [];
  let turn = 0;
  const next = (): ChunkCaps => {
    const cap = caps[turn++ % caps.length] ?? { items: 1, bytes: 1, records: 1 };
    used[chunks.length] = cap;
    return cap;
  };
  for (const chunk of packChunks(records, { ...CURSOR, part }, next, ({ bytes }) => bytes))
    chunks.push(chunk);
  const all = records.flatMap(({ mutations }, k) => (k === 0 ? mutations.slice(part) : mutations));
  return { all, chunks, used };
}

test("all chunks together are all mutations; each begins where the one before ended; none exceeds its caps", () => {
  fc.assert(
    fc.property(PLANS, fc.array(CAPS, { minLength: 1 }), fc.nat(20), (plans, caps, skip) => {
      const part = Math.min(skip, plans[0]?.length ?? 0);
      const { all, chunks, used } = pack(plans, caps, part);
      expect(chunks.flatMap(({ mutations }) => mutations)).toEqual(all);
      let at: SinkCursor = { ...CURSOR, part };
      for (const [k, chunk] of chunks.entries()) {
        expect(chunk.expected).toEqual(at);
        at = chunk.next;
        const { items, bytes, records } = used[k] ?? { items: 0, bytes: 0, records: 0 };
        expect(chunk.mutations.length).toBeLessThanOrEqual(items);
        expect(chunk.records).toBeLessThanOrEqual(records);
        expect(chunk.bytes).toBe(chunk.mutations.reduce((sum, one) => sum + one.bytes, 0));
        expect(chunk.mutations.length > 1 && chunk.bytes > bytes).toBe(false);
        // Only a chunk of a single record may end within it.
        expect(chunk.next.part > 0 && chunk.seqs.length > 1).toBe(false);
        expect(chunk.seqs.length).toBe(Math.max(chunk.records, 1));
      }
      const records = chunks.reduce((sum, chunk) => sum + chunk.records, 0);
      expect(records).toBe(plans.length);
      expect(at.seq).toBe(plans.length);
      expect(at.recordHash).toBe(plans.length === 0 ? "" : `h${plans.length}`);
    }),
  );
});

test("a record that fits into a chunk is not split", () => {
  fc.assert(
    fc.property(PLANS, CAPS, (plans, cap) => {
      const { chunks } = pack(plans, [cap], 0);
      const split = new Set(chunks.flatMap(({ next }) => (next.part > 0 ? [next.seq + 1] : [])));
      for (const seq of split) {
        const sizes = plans[seq - 1] ?? [];
        const bytes = sizes.reduce((sum, one) => sum + one, 0);
        expect(sizes.length > cap.items || bytes > cap.bytes).toBe(true);
      }
    }),
  );
});

test("caps below 1 and a plan that has shrunk are refused", () => {
  const none = { items: 0, bytes: 1, records: 1 };
  expect(() => pack([[1]], [none], 0)).toThrow(RangeError);
  const caps = { items: 1, bytes: 1, records: 1 };
  expect(() => pack([[1]], [caps], 2)).toThrow(expect.objectContaining({ code: "ERR_SINK_PLAN" }));
});
