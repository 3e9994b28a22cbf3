/** Goal: every kind of write lands whole when it is the one that makes the buffer grow. Method: each kind at every offset around the edge. */
import { expect, it } from "vitest";
import { GrowingBytes } from "../src/growingBytes.ts";

const FIRST_CAPACITY = 1024;

const writes: readonly [string, (bytes: GrowingBytes) => void, string][] = [
  ["u8", (bytes) => bytes.u8(0xab), "ab"],
  ["u16", (bytes) => bytes.u16(0xabcd), "abcd"],
  ["u32", (bytes) => bytes.u32(0xabcdef01), "abcdef01"],
  ["i64", (bytes) => bytes.i64(-2n), "fffffffffffffffe"],
  ["f64", (bytes) => bytes.f64(1), "3ff0000000000000"],
  ["bytes", (bytes) => bytes.bytes(Uint8Array.of(1, 2, 3), 0, 3), "010203"],
  ["many bytes", (bytes) => bytes.bytes(new Uint8Array(100).fill(5), 10, 90), "05".repeat(80)],
];

it.each(writes)("%s across the edge of the buffer", (_name, write, hex) => {
  for (let before = FIRST_CAPACITY - 9; before <= FIRST_CAPACITY; before++) {
    const bytes = new GrowingBytes();
    for (let k = 0; k < before; k++) bytes.u8(7);
    write(bytes);
    const copy = bytes.view();
    expect(copy.length).toBe(before + hex.length / 2);
    expect(copy.subarray(0, before).every((byte) => byte === 7)).toBe(true);
    expect(Buffer.from(copy.subarray(before)).toString("hex")).toBe(hex);
  }
});
