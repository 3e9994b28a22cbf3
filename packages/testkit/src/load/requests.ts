import { gzipSync, zstdCompressSync } from "node:zlib";
import { drain, parseJsonRecords, RECORD_LIMITS } from "@annals/record";

export const ENCODINGS = ["json", "msgpack", "gzip", "zstd"] as const;
export type LoadEncoding = (typeof ENCODINGS)[number];

/** An audit record as programs write them, about `bytes` long, that tells its number. */
export function recordText(serial: number, bytes: number): string {
  const head =
    `{"actor":{"id":"user-${serial % 1000}","type":"user"},"action":"document.updated",` +
    `"targets":[{"id":"doc-${serial % 7919}"}],"outcome":"success","data":{"n":${serial},"note":"`;
  // Words, so that a compressor finds what it finds in records.
  const words = `changed paragraph ${serial % 97} of section ${serial % 13} after review `;
  const note = words.repeat(Math.ceil(bytes / words.length)).slice(0, bytes - head.length - 3);
  return `${head}${note}"}}`;
}

/** Records `from` … `from + count - 1` as the body of one request. */
export function bodyOf(encoding: LoadEncoding, from: number, count: number, bytes: number): Buffer {
  const lines = Array.from({ length: count }, (_, k) => recordText(from + k, bytes));
  const json = Buffer.from(`[${lines.join(",")}]`);
  switch (encoding) {
    case "json":
      return json;
    case "msgpack":
      return Buffer.concat(drain(parseJsonRecords(json, RECORD_LIMITS)).records);
    case "gzip":
      return gzipSync(json);
    case "zstd":
      return zstdCompressSync(json);
    default:
      return encoding satisfies never;
  }
}

/** Stamped records are numbered from here: their numbers have the same length. */
export const SERIAL_MIN = 1_000_000_000;

/**
 * Makes the bytes of one JSON request after the other, each with records of its own numbers, in one buffer: only the numbers are written
 * anew. A request must have been answered before the next one is made.
 */
export class RequestStamp {
  readonly #request: Buffer;
  readonly #places: readonly number[];

  constructor(count: number, bytes: number) {
    this.#request = appendRequest("json", bodyOf("json", SERIAL_MIN, count, bytes));
    const mark = `"n":${SERIAL_MIN}`.slice(0, `"n":1`.length);
    const places: number[] = [];
    for (let at = this.#request.indexOf(mark); at !== -1; at = this.#request.indexOf(mark, at + 1))
      places.push(at + mark.length - 1);
    this.#places = places;
  }

  get byteLength(): number {
    return this.#request.byteLength;
  }

  /** Records `from`, `from + 1` …, which read back as these numbers and `SERIAL_MIN`. */
  stamped(from: number): Uint8Array {
    for (const [k, place] of this.#places.entries())
      this.#request.write(String(SERIAL_MIN + from + k), place, "latin1");
    return this.#request;
  }
}

/** A whole append request, as bytes. */
export function appendRequest(encoding: LoadEncoding, body: Uint8Array): Buffer {
  const type = encoding === "msgpack" ? "application/msgpack" : "application/json";
  const coding = encoding === "gzip" || encoding === "zstd" ? encoding : "identity";
  const head =
    `POST /v1/logs/audit/records HTTP/1.1\r\nhost: load\r\ncontent-type: ${type}\r\n` +
    `content-encoding: ${coding}\r\ncontent-length: ${body.byteLength}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
