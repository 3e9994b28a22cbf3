import { isUtf8 } from "@annals/record";
import { MsgpackCursor } from "./msgpackCursor.ts";
import { packFields, PackedShape } from "./pack.ts";
import { WireError } from "./wireError.ts";

/** The subprotocols of the client stream. `json`: text messages; `msgpack`: binary ones. */
export const STREAM_PROTOCOLS = ["annals.v1.json", "annals.v1.msgpack"] as const;
export type StreamProtocol = (typeof STREAM_PROTOCOLS)[number];

/** Bytes of a head; the body behind it has caps of its own. */
export const STREAM_HEAD_BYTES_MAX = 4096;
const FIELDS_MAX = 32;
const NAME_BYTES_MAX = 64;

/** A head is flat, so that reading one costs no more than its bytes. */
export type StreamValue = string | number | boolean;
export type StreamFields = ReadonlyMap<string, StreamValue>;

/** One message of the client stream: a head, and a body that is a view of the rest, not looked at. */
export interface StreamMessage {
  readonly fields: StreamFields;
  readonly body: Uint8Array;
}

/**
 * Takes an untrusted message apart. JSON: the head is the first line, the body what follows the line's end, if there is one. msgpack: the
 * head is a map. Values are texts, integers from 0 to 2^53 − 1 and booleans; names occur once. Throws a WireError.
 */
export function splitStreamMessage(protocol: StreamProtocol, bytes: Uint8Array): StreamMessage {
  return protocol === "annals.v1.json" ? splitText(bytes) : splitPacked(bytes);
}

/** The bytes of a head, ready for a body behind it. */
export function streamHead(protocol: StreamProtocol, fields: StreamFields): Uint8Array {
  return protocol === "annals.v1.json"
    ? Buffer.from(`${JSON.stringify(Object.fromEntries(fields))}\n`)
    : packFields(fields);
}

/** What an append is answered with. `leader`: `host:port` of the node that has appended it. */
export interface AppendedAnswer {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly count: number;
  readonly duplicate: boolean;
  readonly leader: string;
}

const APPENDED = new PackedShape([
  "kind",
  "id",
  "firstSeq",
  "lastSeq",
  "count",
  "duplicate",
  "leader",
]);

/** The head that answers an append: most of what a busy stream sends. */
export function appendedHead(
  protocol: StreamProtocol,
  id: number,
  answer: AppendedAnswer,
): Uint8Array {
  const { firstSeq, lastSeq, count, duplicate, leader } = answer;
  if (protocol === "annals.v1.msgpack")
    return APPENDED.pack(["appended", id, firstSeq, lastSeq, count, duplicate, leader]);
  const head = { kind: "appended", id, firstSeq, lastSeq, count, duplicate, leader };
  return Buffer.from(`${JSON.stringify(head)}\n`);
}

const NEWLINE = 0x0a;

function splitText(bytes: Uint8Array): StreamMessage {
  const found = bytes.subarray(0, STREAM_HEAD_BYTES_MAX + 1).indexOf(NEWLINE);
  if (found < 0 && bytes.length > STREAM_HEAD_BYTES_MAX) throw tooLong();
  const end = found < 0 ? bytes.length : found;
  const body = bytes.subarray(Math.min(end + 1, bytes.length));
  return { fields: parseLine(bytes.subarray(0, end)), body };
}

function parseLine(line: Uint8Array): StreamFields {
  if (!isUtf8(line, 0, line.length))
    throw new WireError("ERR_WIRE_TYPE", "the head is no UTF-8", 0);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString("utf8"));
  } catch {
    throw new WireError("ERR_WIRE_TYPE", "the head is no JSON object on one line", 0);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new WireError("ERR_WIRE_TYPE", "the head is no JSON object on one line", 0);
  const entries = Object.entries(value);
  if (entries.length > FIELDS_MAX) throw tooMany(entries.length, 0);
  return new Map(entries.map(([name, field]) => [checkedName(name), checkedValue(field)]));
}

function checkedName(name: string): string {
  if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return name;
  throw new WireError("ERR_WIRE_RANGE", `a name of more than ${NAME_BYTES_MAX} bytes`, 0);
}

function checkedValue(value: unknown): StreamValue {
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0)
    // Minus zero would be written as something else.
    return value + 0;
  throw new WireError("ERR_WIRE_TYPE", "a field of the head is no text, integer or boolean", 0);
}

function splitPacked(bytes: Uint8Array): StreamMessage {
  const cursor = new MsgpackCursor(bytes.subarray(0, STREAM_HEAD_BYTES_MAX), 0);
  const count = cursor.map("head", FIELDS_MAX);
  const fields = new Map<string, StreamValue>();
  for (let k = 0; k < count; k++) {
    const name = cursor.string("name", NAME_BYTES_MAX);
    if (fields.has(name)) throw cursor.fail("ERR_WIRE_KIND", "a name that was there before");
    fields.set(name, cursor.plain("field", STREAM_HEAD_BYTES_MAX));
  }
  return { fields, body: bytes.subarray(cursor.offset) };
}

function tooLong(): WireError {
  const what = `a head of more than ${STREAM_HEAD_BYTES_MAX} bytes`;
  return new WireError("ERR_WIRE_RANGE", what, STREAM_HEAD_BYTES_MAX);
}

function tooMany(count: number, offset: number): WireError {
  return new WireError("ERR_WIRE_RANGE", `${count} fields, at most ${FIELDS_MAX}`, offset);
}
