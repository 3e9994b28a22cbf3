import { EXACT_NUMBER_TYPE } from "./exactNumber.ts";
import { GrowingBytes } from "./growingBytes.ts";

/** Msgpack that is written value by value: each in its shortest form. */
export class MsgpackOut extends GrowingBytes {
  stringHead(bytes: number): void {
    if (bytes < 32) this.u8(0xa0 | bytes);
    else if (bytes < 0x100) {
      this.u8(0xd9);
      this.u8(bytes);
    } else if (bytes < 0x1_0000) {
      this.u8(0xda);
      this.u16(bytes);
    } else {
      this.u8(0xdb);
      this.u32(bytes);
    }
  }

  /** The head of a map or an array, for which one byte was kept free at `head`; makes more room when it is large. */
  setSize(head: number, count: number, shortTag: number, longTag: number): void {
    if (count < 16) {
      this.set(head, shortTag | count);
      return;
    }
    const bytes = count < 0x1_0000 ? 2 : 4;
    this.insert(head + 1, bytes);
    this.set(head, bytes === 2 ? longTag : longTag + 1);
    for (let k = 1; k <= bytes; k++) this.set(head + k, (count >>> (8 * (bytes - k))) & 0xff);
  }

  /** As an integer where it is a safe one; the sign of a zero stays. */
  double(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) return this.#integer(value);
    this.u8(0xcb);
    this.f64(value);
  }

  /** An integer of 64 bits that is no safe one. */
  wideInteger(value: bigint): void {
    this.u8(value < 0n ? 0xd3 : 0xcf);
    this.i64(BigInt.asIntN(64, value));
  }

  /** Before the digits of a number that is kept with them. */
  exactNumberHead(digits: number): void {
    this.u8(digits < 0x100 ? 0xc7 : 0xc8);
    if (digits < 0x100) this.u8(digits);
    else this.u16(digits);
    this.u8(EXACT_NUMBER_TYPE);
  }

  #integer(value: number): void {
    if (value >= 0 && value < 0x80) this.u8(value);
    else if (value < 0 && value >= -32) this.u8(value + 0x100);
    else if (value >= 0 && value <= 0xffff_ffff) {
      this.u8(value < 0x100 ? 0xcc : value < 0x1_0000 ? 0xcd : 0xce);
      if (value < 0x100) this.u8(value);
      else if (value < 0x1_0000) this.u16(value);
      else this.u32(value);
    } else {
      this.u8(0xd3);
      this.i64(BigInt(value));
    }
  }
}
