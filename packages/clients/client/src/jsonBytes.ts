import { stringifyExactly } from "@annals/record";
import { invalidRecord } from "./clientError.ts";
import type { AuditRecord } from "./types.ts";

const SCRATCH_BYTES = 16 * 1024;
/** Bytes of UTF-8 that one unit of a JavaScript string becomes, at most. */
const UNIT_BYTES_MAX = 3;
const UTF8 = new TextEncoder();

/** Records as JSON, one after the other, in memory that is made once for those of the usual size. */
export class JsonBytes {
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);

  /** Valid until the next call. Throws a BadInputError for a value that JSON would change, and a ClientError for what is no record. */
  of(record: AuditRecord): Uint8Array {
    if (Array.isArray(record)) throw invalidRecord("a writer takes one record at a time");
    const text = stringifyExactly(record);
    if (UNIT_BYTES_MAX * text.length > SCRATCH_BYTES) return UTF8.encode(text);
    return this.#scratch.subarray(0, UTF8.encodeInto(text, this.#scratch).written);
  }
}
