import { gzipSync, zstdCompressSync } from "node:zlib";
import { drain, parseJsonRecords, RECORD_LIMITS } from "@annals/record";
import { recordText } from "./recordText.ts";

export const FORMATS = ["msgpack", "json", "ndjson"] as const;
export type BodyFormat = (typeof FORMATS)[number];
export const COMPRESSIONS = ["none", "gzip", "zstd"] as const;
export type BodyCompression = (typeof COMPRESSIONS)[number];

export const CONTENT_TYPES: Readonly<Record<BodyFormat, string>> = {
  msgpack: "application/msgpack",
  json: "application/json",
  ndjson: "application/x-ndjson",
};

export interface BodyOptions {
  readonly recordsPerRequest: number;
  readonly format: BodyFormat;
  readonly compression: BodyCompression;
  /** The records, as JSON: of one size, or those of a file again and again. */
  readonly record: (serial: number) => string;
}

/** Bodies differ, so that neither a compressor nor a cache lives on repeats; what is built ahead is at most so many, and so many bytes. */
const BODIES_MAX = 64;
const BODIES_BYTES_MAX = 32 * 2 ** 20;

/** Bodies of requests, built before anything is measured; at least one. Throws a RecordError for a record that the server would refuse. */
export function buildBodies(options: BodyOptions): readonly Buffer[] {
  const bodies: Buffer[] = [];
  for (let bytes = 0; bodies.length < BODIES_MAX && bytes < BODIES_BYTES_MAX; ) {
    const body = bodyOf(options, bodies.length * options.recordsPerRequest);
    bodies.push(body);
    bytes += body.length;
  }
  return bodies;
}

/** Records `from` … of one request. */
export function bodyOf(
  { recordsPerRequest, format, compression, record }: BodyOptions,
  from: number,
): Buffer {
  const lines = Array.from({ length: recordsPerRequest }, (_, k) => record(from + k));
  return compressed(compression, formatted(format, lines));
}

function formatted(format: BodyFormat, lines: readonly string[]): Buffer {
  switch (format) {
    case "json":
      return Buffer.from(`[${lines.join(",")}]`);
    case "ndjson":
      return Buffer.from(lines.join("\n"));
    case "msgpack":
      return Buffer.concat(
        drain(parseJsonRecords(Buffer.from(`[${lines.join(",")}]`), RECORD_LIMITS)).records,
      );
    default:
      return format satisfies never;
  }
}

function compressed(compression: BodyCompression, body: Buffer): Buffer {
  switch (compression) {
    case "none":
      return body;
    case "gzip":
      return gzipSync(body);
    case "zstd":
      return zstdCompressSync(body);
    default:
      return compression satisfies never;
  }
}

/** Records of about `bytes` bytes each in the format that is sent, or as many as one needs. */
export function recordsOfSize(bytes: number, format: BodyFormat): (serial: number) => string {
  const plain = recordText(0, bytes);
  const more = format === "msgpack" ? Math.max(0, bytes - formatted("msgpack", [plain]).length) : 0;
  return (serial) => recordText(serial, bytes + more);
}

/** The records of an NDJSON text, again and again. Throws a RangeError when there are none. */
export function recordsOfSample(text: string): (serial: number) => string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const [first] = lines;
  if (first === undefined) throw new RangeError("the sample holds no record");
  return (serial) => lines[serial % lines.length] ?? first;
}
