import { AnnalsError } from "@annals/record";
import { JsonText, NotARecord } from "./jsonText.ts";
import { NoRoom, TextBytes, TextLength } from "./textBytes.ts";

/** The text of a larger record is measured first, for a buffer of its size: one that doubles would be as large again while it is sent. */
const MEASURED_FROM = 64 * 1024;

/**
 * Stored records as JSON, one behind the other, each with its place in front: `seq` and `recordedAt`, a time as `Date.toISOString` writes
 * it. Nothing is decoded: what is stored becomes text, so that keys keep their order and numbers their digits.
 */
export class RecordTexts {
  readonly #out = new TextBytes();
  readonly #json = new JsonText(this.#out);
  /** The time of the record before as text: most records have the same one, as they came in one batch. */
  #time = "";
  #timeMs = Number.NaN;

  /** Bytes of all of it. */
  get length(): number {
    return this.#out.length;
  }

  /**
   * `recordedAt` in ms since 1970. False if all would have more than `maxLength` bytes. Throws `ERR_RECORD_UNREADABLE`. Either way it has
   * added nothing then.
   */
  add(seq: number, recordedAt: number, record: Uint8Array, maxLength: number): boolean {
    if (recordedAt !== this.#timeMs) {
      this.#time = new Date(recordedAt).toISOString();
      this.#timeMs = recordedAt;
    }
    const { length } = this.#out;
    this.#out.limit = maxLength;
    try {
      if (record.length > MEASURED_FROM) this.#out.expect(lengthOf(record));
      this.#out.ascii(`{"seq":${seq},"recordedAt":"${this.#time}"`);
      this.#json.moreFields(record);
      this.#out.ascii("}");
      return true;
    } catch (error) {
      this.#out.cutTo(length);
      if (error instanceof NoRoom) return false;
      throw error instanceof NotARecord ? unreadable(record, error) : error;
    } finally {
      this.#out.limit = Number.POSITIVE_INFINITY;
    }
  }

  /** Text between the records, in ASCII. */
  text(ascii: string): void {
    this.#out.ascii(ascii);
  }

  /** Takes back what was added since there were `length` bytes. */
  cutTo(length: number): void {
    this.#out.cutTo(length);
  }

  /** All of it, in memory of its own. There is nothing here afterwards, and nothing may be added. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#out.take();
  }
}

function lengthOf(record: Uint8Array): number {
  const length = new TextLength();
  new JsonText(length).moreFields(record);
  return length.length;
}

/** A stored record as JSON, without its place. Throws `ERR_RECORD_UNREADABLE`. */
export function recordText(record: Uint8Array): string {
  const out = new TextBytes();
  try {
    new JsonText(out).value(record);
  } catch (error) {
    throw error instanceof NotARecord ? unreadable(record, error) : error;
  }
  return Buffer.from(out.take()).toString("utf8");
}

function unreadable(record: Uint8Array, { message }: NotARecord): AnnalsError {
  const what = `a stored record of ${record.length} bytes cannot be read: ${message}`;
  return new AnnalsError("ERR_RECORD_UNREADABLE", what);
}
