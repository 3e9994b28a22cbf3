// Goal: the bytes under the chain hash are pinned, and each input changes it.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { chainHash, ZERO_HASH } from "../src/chainHash.ts";

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

test("the hashed bytes are version, previous, index, term, kind, data", () => {
  const data = Uint8Array.of(9, 8, 7);
  const prefix = Buffer.concat([
    Buffer.of(1),
    ZERO_HASH,
    Buffer.from("0000000000000005", "hex"),
    Buffer.from("0000000000000002", "hex"),
    Buffer.of(1),
  ]);
  expect(chainHash(sha256, ZERO_HASH, 5, 2, 1, data)).toEqual(sha256(prefix, data));
});

test("no two of the inputs can be exchanged", () => {
  const data = Uint8Array.of(1);
  const other = new Uint8Array(32).fill(1);
  const hashes = [
    chainHash(sha256, ZERO_HASH, 1, 1, 0, data),
    chainHash(sha256, other, 1, 1, 0, data),
    chainHash(sha256, ZERO_HASH, 2, 1, 0, data),
    chainHash(sha256, ZERO_HASH, 1, 2, 0, data),
    chainHash(sha256, ZERO_HASH, 1, 1, 1, data),
    chainHash(sha256, ZERO_HASH, 1, 1, 0, Uint8Array.of(2)),
    chainHash(sha256, ZERO_HASH, 1, 1, 0, new Uint8Array(0)),
  ].map((hash) => Buffer.from(hash).toString("hex"));
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(() => chainHash(sha256, new Uint8Array(31), 1, 1, 0, data)).toThrow(RangeError);
});
