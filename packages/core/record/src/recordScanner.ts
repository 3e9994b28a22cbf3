import { BadInputError } from "./badInput.ts";
import type { BadInputCode } from "./badInput.ts";
import { EXACT_NUMBER_TYPE, isExactNumber } from "./exactNumber.ts";
import { isName, PROTO } from "./fieldName.ts";
import { KeySet } from "./keySet.ts";
import { STEP_BYTES } from "./limits.ts";
import type { RecordLimits } from "./limits.ts";
import { NO_ATTACHMENTS } from "./parsedRecords.ts";
import type { Attachments } from "./parsedRecords.ts";
import { ANY, FREE_MAP, RECORD_RULE } from "./recordModel.ts";
import type { MapRule, Rule } from "./recordModel.ts";
import { describeRule, renderPath } from "./scanPlace.ts";
import { passesCheck, STRING_EXPECTATIONS } from "./stringChecks.ts";
import { decodeUtf8, isUtf8 } from "./utf8.ts";

const NO_BYTES: Uint8Array = new Uint8Array(0);
const NO_VIEW: DataView = new DataView(NO_BYTES.buffer);
const MSGPACK_HEAD_BYTES_MAX = 5;
/** In place of the position of a field that a rule names: beyond all of them, and a bit of its own among those that were seen. */
const OTHER_KEY = 31;

/**
 * Checks untrusted msgpack in one pass and without an allocation per element: types on the allow-list, depth, element count, UTF-8,
 * duplicate keys, and the record model. Decodes nothing. One scanner serves one request after the other; it is not reentrant.
 */
export class RecordScanner {
  readonly #limits: RecordLimits;
  readonly #keys = new KeySet();
  /** For each depth where the scan stands: start and end of the key, or −1 and the position in an array. */
  readonly #path: number[] = [];
  #bytes = NO_BYTES;
  #view = NO_VIEW;
  #at = 0;
  #end = 0;
  #depth = 0;
  #elements = 0;
  #position = 0;
  #attachments = new Map<number, string[]>();

  constructor(limits: RecordLimits) {
    this.#limits = limits;
  }

  /**
   * Bounds of the records of a body, which is one array of records or one record after the other: record k is
   * [bounds[k], bounds[k + 1]). Yields now and then. Throws `BadInputError`; then no record of the body may be used.
   */
  *scanBody(body: Uint8Array): Generator<void, readonly number[], void> {
    this.#begin(body, 0, body.length);
    const declared = this.#maybeArrayHeader();
    const bounds: number[] = [this.#at];
    let stepEnd = this.#at + STEP_BYTES;
    const { maxRecords, maxRecordBytes } = this.#limits;
    if (declared !== undefined && declared > maxRecords) throw this.#tooMany();
    while (declared === undefined ? this.#at < body.length : bounds.length <= declared) {
      if (bounds.length > maxRecords) throw this.#tooMany();
      const start = this.#at;
      this.#position = bounds.length - 1;
      // Scanning stops at the cap: a huge record is not read to its end to learn that it is too large.
      this.#end = Math.min(body.length, start + maxRecordBytes + MSGPACK_HEAD_BYTES_MAX);
      this.#record(body.length);
      if (this.#at - start > maxRecordBytes) throw this.#tooLarge();
      bounds.push(this.#at);
      if (this.#at < stepEnd) continue;
      stepEnd = this.#at + STEP_BYTES;
      yield;
    }
    if (this.#at < body.length) throw this.#bodyError("ERR_BODY_TRAILING", "bytes after the end");
    if (bounds.length === 1) throw this.#bodyError("ERR_BODY_EMPTY", "no record");
    return bounds;
  }

  /** Checks that [from, to) is exactly one record, number `position` of its request. Throws `BadInputError`. */
  checkRecord(bytes: Uint8Array, from: number, to: number, position: number): void {
    this.#begin(bytes, from, to);
    this.#position = position;
    if (to - from > this.#limits.maxRecordBytes) throw this.#tooLarge();
    this.#record(to);
    if (this.#at !== to) throw this.#fail("ERR_BODY_TRAILING", "bytes after the record");
  }

  /** Keys and values of the record so far, with the one that was refused. */
  get elements(): number {
    return this.#elements;
  }

  /** The blobs that the records scanned since the last call name. */
  takeAttachments(): Attachments {
    const attachments = this.#attachments;
    if (attachments.size === 0) return NO_ATTACHMENTS;
    this.#attachments = new Map();
    return attachments;
  }

  #begin(bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = from;
    this.#end = to;
    this.#depth = 0;
    this.#position = 0;
  }

  #record(bodyEnd: number): void {
    this.#depth = 0;
    this.#elements = 0;
    try {
      this.#value(RECORD_RULE);
    } catch (error) {
      // Cut off by the cap on a record, not by the end of the body.
      const cut = error instanceof BadInputError && error.code === "ERR_BODY_TRUNCATED";
      throw cut && this.#end < bodyEnd ? this.#tooLarge() : error;
    }
  }

  #maybeArrayHeader(): number | undefined {
    const tag = this.#bytes[this.#at] ?? 0;
    if (tag >= 0x90 && tag <= 0x9f) {
      this.#at += 1;
      return tag & 0x0f;
    }
    if (tag !== 0xdc && tag !== 0xdd) return undefined;
    this.#at += 1;
    return tag === 0xdc ? this.#u16() : this.#u32();
  }

  /** One value and what is below it. The nesting of calls is bounded by `maxDepth`. */
  #value(rule: Rule): void {
    const tag = this.#u8();
    this.#elements += 1;
    if (this.#elements > this.#limits.maxElements) {
      const what = `more than ${this.#limits.maxElements} keys and values`;
      throw this.#fail("ERR_RECORD_TOO_MANY_ELEMENTS", what);
    }
    if (tag <= 0x7f) return this.#number(rule, tag);
    if (tag <= 0x8f) return this.#map(rule, tag & 0x0f);
    if (tag <= 0x9f) return this.#array(rule, tag & 0x0f);
    if (tag <= 0xbf) return this.#string(rule, tag & 0x1f);
    if (tag >= 0xe0) return this.#number(rule, tag - 0x100);
    switch (tag) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return this.#expect(rule, "any");
      case 0xc4:
        return this.#bin(rule, this.#u8());
      case 0xc5:
        return this.#bin(rule, this.#u16());
      case 0xc6:
        return this.#bin(rule, this.#u32());
      case 0xca:
        return this.#number(rule, this.#view.getFloat32(this.#take(4)));
      case 0xcb:
        return this.#number(rule, this.#view.getFloat64(this.#take(8)));
      case 0xcc:
        return this.#number(rule, this.#u8());
      case 0xcd:
        return this.#number(rule, this.#u16());
      case 0xce:
        return this.#number(rule, this.#u32());
      case 0xcf:
        return this.#wideInteger(rule, this.#view.getUint32(this.#take(8)));
      case 0xd0:
        return this.#number(rule, this.#view.getInt8(this.#take(1)));
      case 0xd1:
        return this.#number(rule, this.#view.getInt16(this.#take(2)));
      case 0xd2:
        return this.#number(rule, this.#view.getInt32(this.#take(4)));
      case 0xd3:
        return this.#wideInteger(rule, this.#view.getInt32(this.#take(8)));
      case 0xd9:
        return this.#string(rule, this.#u8());
      case 0xda:
        return this.#string(rule, this.#u16());
      case 0xdb:
        return this.#string(rule, this.#u32());
      case 0xdc:
        return this.#array(rule, this.#u16());
      case 0xdd:
        return this.#array(rule, this.#u32());
      case 0xde:
        return this.#map(rule, this.#u16());
      case 0xdf:
        return this.#map(rule, this.#u32());
      case 0xc1:
        throw this.#fail("ERR_BODY_MALFORMED", "byte 0xc1 is no msgpack");
      default:
        return this.#extension(rule, tag);
    }
  }

  /** Refuses a value of type `found` where the rule calls for another. */
  #expect(rule: Rule, found: Rule["kind"]): void {
    if (rule.kind === "any" || rule.kind === found) return;
    throw this.#fail("ERR_RECORD_FIELD_TYPE", `expected ${describeRule(rule)}`);
  }

  #number(rule: Rule, value: number): void {
    if (!Number.isFinite(value))
      throw this.#fail("ERR_RECORD_NUMBER", "a number that is not finite");
    if (rule.kind === "uint") {
      if (!Number.isSafeInteger(value) || value < 0)
        throw this.#fail("ERR_RECORD_FIELD_VALUE", `expected ${describeRule(rule)}`);
      return;
    }
    this.#expect(rule, "any");
  }

  /** A 64-bit integer, whose high half is `high` and whose low half has just been passed. Rounded it is no safe integer either. */
  #wideInteger(rule: Rule, high: number): void {
    this.#number(rule, high * 0x1_0000_0000 + this.#view.getUint32(this.#at - 4));
  }

  /** Of application types only the number that nothing else holds; so no number has two forms. */
  #extension(rule: Rule, tag: number): void {
    const length = tag >= 0xd4 ? 1 << (tag - 0xd4) : this.#extensionBytes(tag);
    if (this.#u8() !== EXACT_NUMBER_TYPE)
      throw this.#fail("ERR_RECORD_EXTENSION_TYPE", "msgpack extension types are not taken");
    const from = this.#take(length);
    if (!isExactNumber(this.#bytes, from, this.#at))
      throw this.#fail("ERR_RECORD_NUMBER", "digits of no number, or of one that needs no digits");
    this.#expect(rule, "any");
  }

  #extensionBytes(tag: number): number {
    if (tag === 0xc7) return this.#u8();
    return tag === 0xc8 ? this.#u16() : this.#u32();
  }

  #bin(rule: Rule, length: number): void {
    this.#expect(rule, "any");
    this.#take(length);
  }

  #string(rule: Rule, length: number): void {
    this.#expect(rule, "string");
    const from = this.#take(length);
    if (!isUtf8(this.#bytes, from, this.#at))
      throw this.#fail("ERR_RECORD_NOT_UTF8", "a string that is no UTF-8");
    if (rule.kind === "string" && !passesCheck(rule.check, this.#bytes, from, this.#at))
      throw this.#fail("ERR_RECORD_FIELD_VALUE", `expected ${STRING_EXPECTATIONS[rule.check]}`);
    if (rule.kind === "string" && rule.check === "sha256") this.#attach(from);
  }

  /** The only strings that are digests are those of attachments. */
  #attach(from: number): void {
    const digests = this.#attachments.get(this.#position) ?? [];
    if (digests.length >= this.#limits.maxAttachments) {
      const what = `more than ${this.#limits.maxAttachments} attachments`;
      throw this.#fail("ERR_RECORD_TOO_MANY_ATTACHMENTS", what);
    }
    digests.push(decodeUtf8(this.#bytes, from, this.#at) ?? "");
    this.#attachments.set(this.#position, digests);
  }

  #array(rule: Rule, count: number): void {
    this.#expect(rule, "array");
    const of = rule.kind === "array" ? rule.of : ANY;
    const level = this.#descend();
    this.#path[2 * level] = -1;
    for (let k = 0; k < count; k++) {
      this.#path[2 * level + 1] = k;
      this.#value(of);
    }
    this.#depth -= 1;
  }

  #map(rule: Rule, count: number): void {
    this.#expect(rule, "map");
    const mapRule = rule.kind === "map" ? rule : FREE_MAP;
    const level = this.#descend();
    this.#keys.begin(level - 1);
    let seen = 0;
    for (let k = 0; k < count; k++) {
      this.#clearPath(level);
      const from = this.#key();
      const to = this.#at;
      this.#path[2 * level] = from;
      this.#path[2 * level + 1] = to;
      const field = this.#field(mapRule, from, to);
      const isKnown = field < OTHER_KEY;
      if (isKnown ? (seen & (1 << field)) !== 0 : !this.#keys.add(level - 1, this.#bytes, from, to))
        throw this.#fail("ERR_RECORD_DUPLICATE_KEY", "a key that the map has already");
      seen |= 1 << field;
      this.#value(mapRule.fields[field]?.rule ?? ANY);
    }
    this.#clearPath(level);
    this.#depth -= 1;
    this.#assertRequired(mapRule, seen);
  }

  #assertRequired(rule: MapRule, seen: number): void {
    for (let k = 0; k < rule.fields.length; k++) {
      const field = rule.fields[k];
      if (field?.required === true && (seen & (1 << k)) === 0)
        throw this.#fail("ERR_RECORD_FIELD_MISSING", `${field.name} is missing`, field.name);
    }
  }

  /** Position of the key in the rule's fields, or `OTHER_KEY` in an open map. */
  #field(rule: MapRule, from: number, to: number): number {
    for (let k = 0; k < rule.fields.length; k++) {
      const field = rule.fields[k];
      if (field !== undefined && isName(field, this.#bytes, from, to)) return k;
    }
    if (!rule.open)
      throw this.#fail(
        "ERR_RECORD_FIELD_UNKNOWN",
        "a key that is unknown here; free data goes under data",
      );
    return OTHER_KEY;
  }

  /** Passes a key and returns where its bytes begin. */
  #key(): number {
    const tag = this.#u8();
    this.#elements += 1;
    let length: number;
    if (tag >= 0xa0 && tag <= 0xbf) length = tag & 0x1f;
    else if (tag === 0xd9) length = this.#u8();
    else if (tag === 0xda) length = this.#u16();
    else if (tag === 0xdb) length = this.#u32();
    else throw this.#fail("ERR_RECORD_KEY", "a key that is no string");
    const from = this.#take(length);
    if (!isUtf8(this.#bytes, from, this.#at))
      throw this.#fail("ERR_RECORD_NOT_UTF8", "a key that is no UTF-8");
    // Decoders rename or drop it, so two readers would not see the same record.
    if (length === PROTO.bytes.length && isName(PROTO, this.#bytes, from, this.#at))
      throw this.#fail("ERR_RECORD_KEY", "the key __proto__ is reserved");
    return from;
  }

  #descend(): number {
    if (this.#depth >= this.#limits.maxDepth)
      throw this.#fail("ERR_RECORD_TOO_DEEP", `nested deeper than ${this.#limits.maxDepth}`);
    this.#depth += 1;
    return this.#depth;
  }

  #clearPath(level: number): void {
    this.#path[2 * level] = 0;
    this.#path[2 * level + 1] = 0;
  }

  /** Moves past `bytes` bytes and returns where they begin. */
  #take(bytes: number): number {
    const from = this.#at;
    if (from + bytes > this.#end) throw this.#fail("ERR_BODY_TRUNCATED", "ends inside a value");
    this.#at = from + bytes;
    return from;
  }

  #u8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  #u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  #u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  #fail(code: BadInputCode, what: string, last = ""): BadInputError {
    const path = renderPath(this.#bytes, this.#path, this.#depth, last);
    return new BadInputError(code, what, { position: this.#position, path, offset: this.#at });
  }

  #tooLarge(): BadInputError {
    const what = `a record of more than ${this.#limits.maxRecordBytes} bytes`;
    return new BadInputError("ERR_RECORD_TOO_LARGE", what, {
      position: this.#position,
      path: "",
      offset: this.#at,
    });
  }

  #tooMany(): BadInputError {
    const what = `more than ${this.#limits.maxRecords} records`;
    return this.#bodyError("ERR_BODY_TOO_MANY_RECORDS", what);
  }

  #bodyError(code: BadInputCode, what: string): BadInputError {
    return new BadInputError(code, what, { position: undefined, path: "", offset: this.#at });
  }
}
