// Goal: a batch reads back as it was written, one record at a time, and hostile bytes give coded errors, never wrong slices.
import { deflateRawSync, inflateRawSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asSeq } from "../src/seq.ts";
import {
  batchBlobs,
  batchOverheadBytes,
  batchSeqRange,
  compressBatch,
  malformedBatch,
  decodeBatchHeader,
  encodeBatch,
} from "../src/batchLayout.ts";
import { BatchView } from "../src/batchView.ts";
import type { BatchHeader, BatchRequest } from "../src/batch.ts";

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

const stamp = fc.record({
  id: fc.string({ unit: "grapheme", minLength: 1, maxLength: 5 }),
  epoch: fc.nat(),
  sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fingerprint: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
});
const request = fc.record({
  records: fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 }),
  producer: fc.option(stamp, { nil: undefined }),
});
const batch = fc
  .record({
    firstSeq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 1000 }),
    recordedAt: fc.nat({ max: 2 ** 42 }),
    requests: fc.array(request, { minLength: 1, maxLength: 5 }),
    blobs: fc.uniqueArray(fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hexOf), {
      maxLength: 3,
    }),
  })
  .map((draft): { header: BatchHeader; records: readonly Uint8Array[] } => {
    const records = draft.requests.flatMap((entry) => entry.records);
    const requests: BatchRequest[] = draft.requests.map((entry) => ({
      count: entry.records.length,
      producer: entry.producer,
    }));
    const { recordedAt, blobs } = draft;
    const firstSeq = asSeq(draft.firstSeq);
    const header = { firstSeq, count: records.length, recordedAt, requests };
    return { header: blobs.length === 0 ? header : { ...header, blobs }, records };
  })
  .filter(({ header }) =>
    header.requests.every(({ producer }) => Buffer.byteLength(producer?.id ?? "") <= 64),
  );

function codeOf(work: () => unknown): string {
  try {
    work();
    return "no error";
  } catch (error) {
    return error instanceof Error && "code" in error
      ? String(error.code)
      : `uncoded ${String(error)}`;
  }
}

function inflate(packed: Uint8Array, size: number): Uint8Array {
  try {
    return new Uint8Array(inflateRawSync(packed, { maxOutputLength: Math.max(1, size) }));
  } catch {
    throw malformedBatch("the body is damaged", 0);
  }
}

const sample: BatchHeader = {
  firstSeq: asSeq(7),
  count: 2,
  recordedAt: 1_700_000_000_000,
  requests: [{ count: 2, producer: { id: "p", epoch: 1, sequence: 3, fingerprint: 5 } }],
};

describe("batch layout", () => {
  test("what was written is read back, record by record", () => {
    fc.assert(
      fc.property(batch, ({ header, records }) => {
        const bytes = encodeBatch(header, records);
        expect(bytes.length).toBe(
          batchOverheadBytes(header) + records.reduce((sum, record) => sum + record.length, 0),
        );
        expect(decodeBatchHeader(bytes)).toEqual(header);
        expect(batchBlobs(bytes)).toEqual(header.blobs ?? []);
        const small = compressBatch(bytes, deflateRawSync);
        expect(small.length).toBeLessThanOrEqual(bytes.length);
        expect(decodeBatchHeader(small)).toEqual(header);
        expect(batchBlobs(small)).toEqual(header.blobs ?? []);
        expect(compressBatch(small, deflateRawSync)).toBe(small);
        const view = new BatchView(small, inflate);
        for (const [position, record] of records.entries()) {
          expect(view.record(position)).toEqual(record);
          expect(view.recordOfSeq(asSeq(header.firstSeq + position))).toEqual(record);
        }
        expect(batchSeqRange(bytes)).toEqual({ firstSeq: view.firstSeq, lastSeq: view.lastSeq });
        expect(view.recordOfSeq(asSeq(view.lastSeq + 1))).toBeUndefined();
        expect(view.recordOfSeq(asSeq(header.firstSeq - 1))).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });

  test("any mutation either still reads or gives a coded error", () => {
    fc.assert(
      fc.property(batch, fc.nat(), fc.nat({ max: 255 }), ({ header, records }, where, value) => {
        const bytes = compressBatch(encodeBatch(header, records), deflateRawSync);
        bytes[where % bytes.length] = value;
        const code = codeOf(() => {
          const view = new BatchView(bytes, inflate);
          for (let k = 0; k < view.header.count; k++) view.record(k);
        });
        expect(["no error", "ERR_BATCH_MALFORMED", "ERR_BATCH_VERSION"]).toContain(code);
      }),
      { numRuns: 300 },
    );
  });

  test("every truncation and every trailing byte is refused", () => {
    const bytes = encodeBatch(sample, [Uint8Array.of(1, 2, 3), Uint8Array.of(4)]);
    for (let length = 0; length < bytes.length; length++)
      expect(codeOf(() => new BatchView(bytes.subarray(0, length), inflate))).toBe(
        "ERR_BATCH_MALFORMED",
      );
    expect(codeOf(() => new BatchView(Uint8Array.from([...bytes, 0]), inflate))).toBe(
      "ERR_BATCH_MALFORMED",
    );
  });

  test("a huge request count is refused before anything is allocated", () => {
    const bytes = encodeBatch(sample, [new Uint8Array(0), new Uint8Array(0)]);
    bytes.set([0xff, 0xff, 0xff, 0xff], 21);
    expect(codeOf(() => decodeBatchHeader(bytes))).toBe("ERR_BATCH_MALFORMED");
  });

  test("a header that contradicts the records is a bug of the caller", () => {
    expect(() => encodeBatch(sample, [new Uint8Array(1)])).toThrow(RangeError);
    expect(() => encodeBatch({ ...sample, count: 0, requests: [] }, [])).toThrow(RangeError);
    const request = {
      count: 2,
      producer: { id: "x".repeat(65), epoch: 0, sequence: 1, fingerprint: 0 },
    };
    expect(() =>
      encodeBatch({ ...sample, requests: [request] }, [new Uint8Array(1), new Uint8Array(1)]),
    ).toThrow(RangeError);
  });
});
