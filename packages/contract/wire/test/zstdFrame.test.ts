// Goal: the head of a zstd frame is read as its encoder wrote it, and so is where the frame ends. Method: real frames of every kind of head.
import { constants, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { isSkippable, isWholeFrame, zstdFrame } from "../src/zstdFrame.ts";

/** Random and repeated bytes: blocks of each type. */
function content(bytes: number): Buffer {
  let state = 1;
  return Buffer.from(
    Array.from({ length: bytes }, (_, k) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return k % 400_000 < 200_000 ? (state >>> 16) & 255 : 97;
    }),
  );
}

describe.each([0, 1])("checksum %i", (checksum) => {
  test.each([40, 255, 256, 65_791, 65_792, 1_000_000])("%i bytes", (size) => {
    const params = { [constants.ZSTD_c_checksumFlag]: checksum };
    const bytes = zstdCompressSync(content(size), { params });
    const frame = zstdFrame(bytes);
    if (frame === undefined) throw new Error("no frame");
    expect(frame).toMatchObject({ contentBytes: size, checksum: checksum === 1 });
    expect(frame.windowBytes).toBeGreaterThanOrEqual(size);
    expect(isWholeFrame(bytes, frame)).toBe(true);
    expect(isWholeFrame(bytes.subarray(0, -1), frame)).toBe(false);
    expect(isWholeFrame(Buffer.concat([bytes, Buffer.of(0)]), frame)).toBe(false);
  });
});

test("a window that is smaller than the content", () => {
  const params = { [constants.ZSTD_c_windowLog]: 17 };
  const bytes = zstdCompressSync(content(1_000_000), { params });
  expect(zstdFrame(bytes)).toMatchObject({ contentBytes: 1_000_000, windowBytes: 2 ** 17 });
});

test("the smallest frames, of which heads are read as soon as they are whole", () => {
  for (const size of [0, 1, 5]) {
    const bytes = zstdCompressSync(content(size));
    const frame = zstdFrame(bytes);
    if (frame === undefined) throw new Error("no frame");
    expect(frame).toMatchObject({ contentBytes: size, dictionary: 0 });
    expect(isWholeFrame(bytes, frame)).toBe(true);
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      expect(zstdFrame(cut)).toEqual(length < frame.headBytes ? undefined : frame);
      expect(isWholeFrame(cut, frame)).toBe(false);
    }
  }
});

test("a dictionary by its number, and frames to be skipped", () => {
  const head = [0x28, 0xb5, 0x2f, 0xfd];
  expect(zstdFrame(Buffer.from([...head, 0x03, 0x58, 4, 3, 2, 1]))).toMatchObject({
    dictionary: 0x0102_0304,
    windowBytes: 2 ** 21,
    headBytes: 10,
  });
  expect(isSkippable(Buffer.from([0x5f, 0x2a, 0x4d, 0x18]))).toBe(true);
  expect(isSkippable(Buffer.from([0x60, 0x2a, 0x4d, 0x18]))).toBe(false);
  expect(isSkippable(Buffer.from(head))).toBe(false);
});

test("a frame that does not say its size, and what is no frame", () => {
  const params = { [constants.ZSTD_c_contentSizeFlag]: 0 };
  expect(zstdFrame(zstdCompressSync(content(1_000), { params }))?.contentBytes).toBeUndefined();
  expect(zstdFrame(Buffer.alloc(100))).toBeUndefined();
});
