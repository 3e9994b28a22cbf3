/** Goal: runs keep their bytes, and keep little more than that in memory. Method: runs of random sizes, and the buffers they are in. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { SLAB_BYTES, Slabs } from "../src/slabs.ts";

it("every run keeps its bytes, and what is left over is less than an eighth and a last buffer", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 200 }), (sizes) => {
      const slabs = new Slabs();
      let ahead = sizes.reduce((sum, size) => sum + size, 0);
      const runs = sizes.map((size, k) => {
        ahead -= size;
        return slabs.copy(new Uint8Array(size).fill(k), ahead);
      });
      for (const [k, run] of runs.entries()) {
        expect(run.length).toBe(sizes[k]);
        expect(run.every((byte) => byte === k % 256)).toBe(true);
      }
      const kept = [...new Set(runs.map(({ buffer }) => buffer))];
      const keptBytes = kept.reduce((sum, { byteLength }) => sum + byteLength, 0);
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      expect(keptBytes).toBeLessThanOrEqual((8 / 7) * bytes + SLAB_BYTES);
    }),
  );
});

it("one run alone has a buffer of its size, unless others are to be expected", () => {
  expect(new Slabs().copy(new Uint8Array(100), 0).buffer.byteLength).toBe(100);
  expect(new Slabs(4096).copy(new Uint8Array(100), 0).buffer.byteLength).toBe(4096);
  expect(new Slabs().copy(new Uint8Array(100), 10 ** 9).buffer.byteLength).toBe(SLAB_BYTES);
});
