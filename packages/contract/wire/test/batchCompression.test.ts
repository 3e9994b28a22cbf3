// Goal: a compressed batch is smaller, reads back the same, stays readable for ever, and damage gives coded errors. Method: audit records as
// programs write them, random ones, a batch that an earlier build has written, and every truncation.
import { asSeq, batchSeqRange, decodeBatchHeader, encodeBatch } from "@annals/record";
import type { BatchHeader } from "@annals/record";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { viewBatch, zstdBatch } from "../src/batchCompression.ts";
import { encodeRecord } from "../src/recordCodec.ts";

function headerOf(count: number): BatchHeader {
  const producer = { id: "billing", epoch: 3, sequence: 9, fingerprint: 77 };
  return {
    firstSeq: asSeq(41),
    count,
    recordedAt: 1_700_000_000_000,
    requests: [{ count, producer }],
  };
}

function records(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, k) =>
    encodeRecord({ actor: { id: `user-${k % 7}` }, action: "document.updated", data: { n: k } }),
  );
}

test("of audit records less than half is left, and the head is as it was", () => {
  const plain = encodeBatch(headerOf(500), records(500));
  const small = zstdBatch(plain);
  expect(small.length).toBeLessThan(plain.length / 2);
  expect(decodeBatchHeader(small)).toEqual(decodeBatchHeader(plain));
  expect(batchSeqRange(small)).toEqual(batchSeqRange(plain));
  expect(zstdBatch(small)).toBe(small);
});

test("what would not become smaller stays as it is", () => {
  const plain = encodeBatch(headerOf(1), records(1));
  expect(zstdBatch(plain)).toBe(plain);
});

test("every record reads back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 30 }),
      (all) => {
        const view = viewBatch(zstdBatch(encodeBatch(headerOf(all.length), all)));
        for (const [k, record] of all.entries())
          expect(Buffer.from(view.record(k))).toEqual(Buffer.from(record));
      },
    ),
  );
});

test("every truncation is refused with a code", () => {
  const small = zstdBatch(encodeBatch(headerOf(50), records(50)));
  for (let length = 0; length < small.length; length++)
    expect(() => viewBatch(small.subarray(0, length))).toThrow(
      expect.objectContaining({ code: "ERR_BATCH_MALFORMED" }),
    );
});

test("a body that is larger than it says is refused", () => {
  const small = zstdBatch(encodeBatch(headerOf(50), records(50)));
  const sizeAt = 25 + 5 + "billing".length + 16;
  const { buffer, byteOffset } = small;
  const size = new DataView(buffer, byteOffset).getUint32(sizeAt);
  new DataView(buffer, byteOffset).setUint32(sizeAt, size - 1);
  expect(() => viewBatch(small)).toThrow(expect.objectContaining({ code: "ERR_BATCH_MALFORMED" }));
});
