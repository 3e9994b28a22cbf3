import { BadInputError } from "./badInput.ts";
import type { BadInputCode } from "./badInput.ts";
import { keptNumber, NUMBER_CHARACTERS_MAX } from "./exactNumber.ts";
import { GrowingBytes } from "./growingBytes.ts";
import type { RecordLimits } from "./limits.ts";
import { MsgpackOut } from "./msgpackOut.ts";
import { renderPath } from "./scanPlace.ts";
import { Slabs } from "./slabs.ts";
import { isUtf8 } from "./utf8.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** An integer with no more characters is a safe one. */
const SHORT_DIGITS = 15;
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [QUOTE, QUOTE],
  [BACKSLASH, BACKSLASH],
  [0x2f, 0x2f],
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
]);

/**
 * Turns JSON text (RFC 8259, strictly) into msgpack, byte by byte, without building values. `JSON.parse` would drop duplicate
 * keys and round numbers before anyone could object; this keeps duplicates for the record scanner, which judges the result, and every
 * number's value.
 */
export class JsonTranscoder {
  readonly #limits: RecordLimits;
  readonly #slabs: Slabs;
  readonly #out = new MsgpackOut();
  #json: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #depth = 0;
  #position = 0;
  /** For each depth start and end of the key that is being read, or −1 and the position in an array; both 0 before the first key. */
  readonly #path: number[] = [];
  #elements = 0;
  /** Of this element the offset is wanted. */
  #wanted = 0;
  #wantedAt = 0;

  constructor(limits: RecordLimits, slabs: Slabs = new Slabs()) {
    this.#limits = limits;
    this.#slabs = slabs;
  }

  /** Reads this text from now on. */
  begin(json: Uint8Array): void {
    this.#json = json;
    // A byte order mark carries nothing; some shells write it.
    this.#at = json[0] === 0xef && json[1] === 0xbb && json[2] === 0xbf ? 3 : 0;
    this.#end = json.length;
  }

  get offset(): number {
    return this.#at;
  }

  /** Reads no further than `end` from now on. */
  limitTo(end: number): void {
    this.#end = end;
  }

  /** The next byte that is no white space, not consumed; −1 at the end. */
  peek(): number {
    for (; this.#at < this.#end; this.#at++) {
      const byte = this.#json[this.#at] ?? 0;
      if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return byte;
    }
    return -1;
  }

  /** Consumes `byte` if it comes next after white space. */
  maybe(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.#at += 1;
    return true;
  }

  /** The next value as record number `position`, in msgpack. Throws `BadInputError`. */
  record(position: number): Uint8Array {
    this.#position = position;
    this.#depth = 0;
    this.#elements = 0;
    this.#out.reset();
    this.#value();
    return this.#slabs.copy(this.#out.view(), this.#json.length - this.#at);
  }

  /** Where key or value number `element` of the record that begins at `start` begins; of a record that was read before. */
  offsetOf(start: number, element: number): number {
    this.#at = start;
    this.#wanted = element;
    this.record(this.#position);
    this.#wanted = 0;
    return this.#wantedAt;
  }

  fail(code: BadInputCode, what: string, ofRecord = true): BadInputError {
    const position = ofRecord ? this.#position : undefined;
    const path = ofRecord ? renderPath(this.#json, this.#path, this.#depth, "") : "";
    return new BadInputError(code, what, { position, path, offset: this.#at });
  }

  #malformed(what: string): BadInputError {
    return this.#at >= this.#end
      ? this.fail("ERR_BODY_TRUNCATED", "ends inside a value")
      : this.fail("ERR_BODY_MALFORMED", what);
  }

  /** A key or a value begins here. */
  #element(): void {
    this.#elements += 1;
    if (this.#elements === this.#wanted) this.#wantedAt = this.#at;
  }

  #value(): void {
    const byte = this.peek();
    this.#element();
    if (this.#out.length > this.#limits.maxRecordBytes)
      throw this.fail(
        "ERR_RECORD_TOO_LARGE",
        `a record of more than ${this.#limits.maxRecordBytes} bytes`,
      );
    switch (byte) {
      case 0x7b:
        return this.#container(0x7d, 0x80, 0xde);
      case 0x5b:
        return this.#container(0x5d, 0x90, 0xdc);
      case QUOTE:
        return this.#string();
      case 0x74:
        return this.#literal("true", 0xc3);
      case 0x66:
        return this.#literal("false", 0xc2);
      case 0x6e:
        return this.#literal("null", 0xc0);
      default:
        return this.#number(byte);
    }
  }

  #literal(text: string, tag: number): void {
    for (let k = 0; k < text.length; k++) {
      if (this.#at >= this.#end || this.#json[this.#at] !== text.charCodeAt(k))
        throw this.#malformed("no JSON value");
      this.#at += 1;
    }
    this.#out.u8(tag);
  }

  /** An object or an array. Its size is known at the end: one byte of head is kept free, and more room is made when it is large. */
  #container(close: number, shortTag: number, longTag: number): void {
    if (this.#depth >= this.#limits.maxDepth)
      throw this.fail("ERR_RECORD_TOO_DEEP", `nested deeper than ${this.#limits.maxDepth}`);
    this.#depth += 1;
    this.#at += 1;
    const head = this.#out.length;
    this.#out.u8(0);
    let count = 0;
    this.#here(0, 0);
    if (!this.maybe(close)) {
      do {
        if (close === 0x7d) this.#key();
        else this.#here(-1, count);
        this.#value();
        count += 1;
        if (count > this.#limits.maxElements)
          throw this.fail(
            "ERR_RECORD_TOO_MANY_ELEMENTS",
            `more than ${this.#limits.maxElements} keys and values`,
          );
      } while (this.maybe(COMMA));
      if (!this.maybe(close)) throw this.#malformed("expected a comma or the end");
    }
    this.#depth -= 1;
    this.#out.setSize(head, count, shortTag, longTag);
  }

  #here(from: number, to: number): void {
    this.#path[2 * this.#depth] = from;
    this.#path[2 * this.#depth + 1] = to;
  }

  #key(): void {
    this.#here(0, 0);
    if (this.peek() !== QUOTE) throw this.#malformed("expected a key");
    this.#element();
    const from = this.#at + 1;
    this.#string();
    this.#here(from, this.#at - 1);
    if (!this.maybe(COLON)) throw this.#malformed("expected a colon");
  }

  #string(): void {
    this.#at += 1;
    const from = this.#at;
    const plainEnd = this.#plainRun();
    if (!isUtf8(this.#json, from, plainEnd))
      throw this.fail("ERR_RECORD_NOT_UTF8", "a string that is no UTF-8");
    if (this.#json[plainEnd] === QUOTE) {
      this.#at = plainEnd + 1;
      this.#out.stringHead(plainEnd - from);
      this.#out.bytes(this.#json, from, plainEnd);
      return;
    }
    this.#escapedString(from, plainEnd);
  }

  /** Where the run of bytes that stand for themselves ends: at a quote or a backslash. */
  #plainRun(): number {
    for (let at = this.#at; at < this.#end; at++) {
      const byte = this.#json[at] ?? 0;
      if (byte === QUOTE || byte === BACKSLASH) return at;
      if (byte < 0x20) {
        this.#at = at;
        throw this.fail("ERR_BODY_MALFORMED", "a control character in a string");
      }
    }
    this.#at = this.#end;
    throw this.fail("ERR_BODY_TRUNCATED", "ends inside a string");
  }

  #escapedString(from: number, firstEscape: number): void {
    const text = new GrowingBytes();
    text.bytes(this.#json, from, firstEscape);
    this.#at = firstEscape;
    while (this.#json[this.#at] !== QUOTE) {
      if (this.#json[this.#at] === BACKSLASH) this.#escape(text);
      const start = this.#at;
      const end = this.#plainRun();
      if (!isUtf8(this.#json, start, end))
        throw this.fail("ERR_RECORD_NOT_UTF8", "a string that is no UTF-8");
      text.bytes(this.#json, start, end);
      this.#at = end;
    }
    this.#at += 1;
    this.#out.stringHead(text.length);
    this.#out.bytes(text.view(), 0, text.length);
  }

  #escape(text: GrowingBytes): void {
    const kind = this.#at + 1 < this.#end ? (this.#json[this.#at + 1] ?? 0) : -1;
    this.#at = Math.min(this.#at + 2, this.#end);
    const simple = ESCAPES.get(kind);
    if (simple !== undefined) {
      text.u8(simple);
      return;
    }
    if (kind !== 0x75) throw this.#malformed("an unknown escape");
    let point = this.#hex4();
    if (point >= 0xd800 && point <= 0xdbff) {
      const paired = this.#json[this.#at] === BACKSLASH && this.#json[this.#at + 1] === 0x75;
      if (!paired) throw this.fail("ERR_RECORD_NOT_UTF8", "half of a surrogate pair");
      this.#at += 2;
      const low = this.#hex4();
      if (low < 0xdc00 || low > 0xdfff)
        throw this.fail("ERR_RECORD_NOT_UTF8", "half of a surrogate pair");
      point = 0x1_0000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xdc00 && point <= 0xdfff) {
      throw this.fail("ERR_RECORD_NOT_UTF8", "half of a surrogate pair");
    }
    putPoint(text, point);
  }

  #hex4(): number {
    let value = 0;
    for (let k = 0; k < 4; k++) {
      const byte = this.#at < this.#end ? (this.#json[this.#at] ?? 0) : 0;
      const digit = hexDigit(byte);
      if (digit < 0) throw this.#malformed("expected four hexadecimal digits");
      value = value * 16 + digit;
      this.#at += 1;
    }
    return value;
  }

  /** RFC 8259 §6: no leading zero, no bare point, no sign but minus. */
  #number(first: number): void {
    const from = this.#at;
    if (first === 0x2d) this.#at += 1;
    const zero = this.#json[this.#at] === 0x30;
    const digits = this.#digits();
    if (digits === 0 || (zero && digits > 1)) {
      if (digits > 0) this.#at = from;
      throw this.#malformed("no JSON value");
    }
    let integer = true;
    if (this.#at < this.#end && this.#json[this.#at] === 0x2e) {
      integer = false;
      this.#at += 1;
      if (this.#digits() === 0) throw this.#malformed("expected a digit");
    }
    if (this.#at < this.#end && ((this.#json[this.#at] ?? 0) | 0x20) === 0x65) {
      integer = false;
      this.#at += 1;
      const sign = this.#json[this.#at];
      if (sign === 0x2b || sign === 0x2d) this.#at += 1;
      if (this.#digits() === 0) throw this.#malformed("expected a digit");
    }
    this.#putNumber(from, integer);
  }

  #digits(): number {
    const from = this.#at;
    while (this.#at < this.#end && isDigit(this.#json[this.#at] ?? 0)) this.#at += 1;
    return this.#at - from;
  }

  #putNumber(from: number, integer: boolean): void {
    const length = this.#at - from;
    if (length > NUMBER_CHARACTERS_MAX)
      throw this.fail("ERR_RECORD_NUMBER", `a number of more than ${NUMBER_CHARACTERS_MAX} digits`);
    if (integer && length <= SHORT_DIGITS) return this.#out.double(this.#short(from));
    const kept = keptNumber(String.fromCharCode(...this.#json.subarray(from, this.#at)));
    if (typeof kept === "number") return this.#out.double(kept);
    if (typeof kept === "bigint") return this.#out.wideInteger(kept);
    this.#out.exactNumberHead(length);
    this.#out.bytes(this.#json, from, this.#at);
  }

  /** Exact, for an integer of so few digits. */
  #short(from: number): number {
    const negative = this.#json[from] === 0x2d;
    let value = 0;
    for (let at = negative ? from + 1 : from; at < this.#at; at++)
      value = 10 * value + (this.#json[at] ?? 0) - 0x30;
    return negative ? -value : value;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function hexDigit(byte: number): number {
  if (isDigit(byte)) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function putPoint(text: GrowingBytes, point: number): void {
  if (point < 0x80) text.u8(point);
  else if (point < 0x800) {
    text.u8(0xc0 | (point >> 6));
    text.u8(0x80 | (point & 0x3f));
  } else if (point < 0x1_0000) {
    text.u8(0xe0 | (point >> 12));
    text.u8(0x80 | ((point >> 6) & 0x3f));
    text.u8(0x80 | (point & 0x3f));
  } else {
    text.u8(0xf0 | (point >> 18));
    text.u8(0x80 | ((point >> 12) & 0x3f));
    text.u8(0x80 | ((point >> 6) & 0x3f));
    text.u8(0x80 | (point & 0x3f));
  }
}
