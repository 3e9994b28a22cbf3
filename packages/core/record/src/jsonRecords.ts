import { BadInputError } from "./badInput.ts";
import { JsonTranscoder } from "./jsonTranscoder.ts";
import { STEP_BYTES } from "./limits.ts";
import type { RecordLimits } from "./limits.ts";
import type { ParsedRecords } from "./parsedRecords.ts";
import { RecordScanner } from "./recordScanner.ts";
import { Slabs } from "./slabs.ts";

/**
 * `application/json`: one record, or an array of records. The results are msgpack and have passed the scanner. Yields now and then. Throws
 * `BadInputError`.
 */
export function* parseJsonRecords(
  body: Uint8Array,
  limits: RecordLimits,
): Generator<void, ParsedRecords, void> {
  const transcoder = new JsonTranscoder(limits);
  transcoder.begin(body);
  const scanner = new RecordScanner(limits);
  const records: Uint8Array[] = [];
  if (transcoder.maybe(0x5b)) {
    if (!transcoder.maybe(0x5d)) {
      let stepEnd = STEP_BYTES;
      do {
        records.push(nextRecord(transcoder, scanner, limits, records.length));
        if (transcoder.offset >= stepEnd) {
          stepEnd = transcoder.offset + STEP_BYTES;
          yield;
        }
      } while (transcoder.maybe(0x2c));
      if (!transcoder.maybe(0x5d)) {
        const cut = transcoder.peek() < 0;
        throw transcoder.fail(
          cut ? "ERR_BODY_TRUNCATED" : "ERR_BODY_MALFORMED",
          cut ? "ends inside the array" : "expected a comma or the end of the array",
          false,
        );
      }
    }
  } else if (transcoder.peek() >= 0) {
    records.push(nextRecord(transcoder, scanner, limits, 0));
  }
  if (transcoder.peek() >= 0)
    throw transcoder.fail("ERR_BODY_TRAILING", "bytes after the end", false);
  return { records: notEmpty(transcoder, records), attachments: scanner.takeAttachments() };
}

/** `application/x-ndjson`: one record a line; lines of white space are passed over. Yields now and then. Throws `BadInputError`. */
export function* parseNdjsonRecords(
  body: Uint8Array,
  limits: RecordLimits,
): Generator<void, ParsedRecords, void> {
  const transcoder = new JsonTranscoder(limits);
  transcoder.begin(body);
  const scanner = new RecordScanner(limits);
  const records: Uint8Array[] = [];
  let stepEnd = STEP_BYTES;
  for (let start = 0; start < body.length; ) {
    if (start >= stepEnd) {
      stepEnd = start + STEP_BYTES;
      yield;
    }
    const newline = body.indexOf(0x0a, start);
    const end = newline < 0 ? body.length : newline;
    transcoder.limitTo(end);
    if (transcoder.peek() >= 0) {
      records.push(nextRecord(transcoder, scanner, limits, records.length));
      if (transcoder.peek() >= 0)
        throw transcoder.fail("ERR_BODY_TRAILING", "bytes after the record of the line");
    }
    start = end + 1;
  }
  return { records: notEmpty(transcoder, records), attachments: scanner.takeAttachments() };
}

/** Of records that come one by one: some fifty of the usual size. The last one keeps so much in memory. */
const ONE_BY_ONE_BYTES = 16 * 1024;

/** Single records, one after the other: what reading one takes is made once. Not reentrant. */
export class JsonRecordEncoder {
  readonly #limits: RecordLimits;
  readonly #transcoder: JsonTranscoder;
  readonly #scanner: RecordScanner;

  constructor(limits: RecordLimits) {
    this.#limits = limits;
    this.#transcoder = new JsonTranscoder(limits, new Slabs(ONE_BY_ONE_BYTES));
    this.#scanner = new RecordScanner(limits);
  }

  /** The one record of a JSON text, in msgpack, judged as those of a body are. Throws `BadInputError`. */
  encode(json: Uint8Array): Uint8Array {
    const transcoder = this.#transcoder;
    transcoder.begin(json);
    const record = nextRecord(transcoder, this.#scanner, this.#limits, 0);
    this.#scanner.takeAttachments();
    if (transcoder.peek() >= 0)
      throw transcoder.fail("ERR_BODY_TRAILING", "bytes after the record");
    return record;
  }
}

function nextRecord(
  transcoder: JsonTranscoder,
  scanner: RecordScanner,
  limits: RecordLimits,
  position: number,
): Uint8Array {
  if (position >= limits.maxRecords)
    throw transcoder.fail(
      "ERR_BODY_TOO_MANY_RECORDS",
      `more than ${limits.maxRecords} records`,
      false,
    );
  transcoder.peek();
  const offset = transcoder.offset;
  const record = transcoder.record(position);
  try {
    scanner.checkRecord(record, 0, record.length, position);
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    // The scanner's offset is one in msgpack; the sender knows only the text. What is missing is missing in the record.
    const isMissing = error.code === "ERR_RECORD_FIELD_MISSING";
    throw error.at(isMissing ? offset : transcoder.offsetOf(offset, scanner.elements));
  }
  return record;
}

function notEmpty(transcoder: JsonTranscoder, records: Uint8Array[]): Uint8Array[] {
  if (records.length === 0) throw transcoder.fail("ERR_BODY_EMPTY", "no record", false);
  return records;
}
