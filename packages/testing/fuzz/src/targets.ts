import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { BadInputError, RECORD_LIMITS } from "@annals/record";
import {
  CONTENT_ENCODINGS,
  decodeContent,
  decodeFrame,
  decodeMessages,
  decodeRecord,
  encodeFrame,
  encodeMessages,
  encodeRecord,
  parseIngestBody,
  splitStreamMessage,
  STREAM_HEAD_BYTES_MAX,
  STREAM_PROTOCOLS,
  streamHead,
  WireError,
  recordText,
} from "@annals/wire";
import type { ContentEncoding, IngestContentType, StreamProtocol } from "@annals/wire";
import type { Random } from "@annals/kit";
import { jsonSamples, msgpackSamples, ndjsonSamples } from "./ingestSamples.ts";
import { FuzzFailure } from "./target.ts";
import type { FuzzTarget } from "./target.ts";

/** Objects for the records, the scanner's tables: what a request costs that has nothing in it. */
const REQUEST_BYTES = 512 * 1024;
const DECODED_BYTES_MAX = 4 * 1024 * 1024;
const RATIO_MAX = 200;
/** Samples of every layout that peers exchange. */
const GOLDEN = join(import.meta.dirname, "../../../contract/wire/test/golden");

const COMPRESS: Readonly<Record<ContentEncoding, (bytes: Uint8Array) => Uint8Array>> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};

/** By name. What each accepts is compared with what another reader makes of it. */
export const TARGETS: ReadonlyMap<string, FuzzTarget> = new Map<string, FuzzTarget>([
  ["msgpack", ingest("application/msgpack", msgpackSamples, compareMsgpack)],
  ["json", ingest("application/json", jsonSamples, compareJson)],
  ["ndjson", ingest("application/x-ndjson", ndjsonSamples, compareNdjson)],
  ["encoded", encoded()],
  ["messages", peers("Raft messages", "messages.v3.hex", decodeMessages, encodeMessages)],
  ["frames", peers("frames of links", "frames.v1.hex", decodeFrame, encodeFrame)],
  ["blobFrames", peers("frames of blobs", "blobFrames.v1.hex", decodeFrame, encodeFrame)],
  ["repairFrames", peers("frames of repair", "repairFrames.v1.hex", decodeFrame, encodeFrame)],
  ...STREAM_PROTOCOLS.map((protocol) => [protocol, stream(protocol)] as const),
]);

/** Targets that go by one name. */
export const GROUPS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["ingest", ["msgpack", "json", "ndjson", "encoded"]],
  ["peers", ["messages", "frames", "blobFrames", "repairFrames"]],
  ["stream", STREAM_PROTOCOLS],
]);

type Records = readonly Uint8Array[];

function ingest(
  type: IngestContentType,
  samples: (random: Random) => readonly Uint8Array[],
  compare: (body: Uint8Array, records: Records) => void,
): FuzzTarget {
  return {
    about: `bodies of ${type}`,
    samples,
    read: (body) => {
      const records = refusedOr(body.length, () => parseIngestBody(type, body, RECORD_LIMITS));
      if (typeof records === "string") return records;
      compare(body, records.records);
      return "accepted";
    },
    allowedBytes: (inputBytes) => REQUEST_BYTES + 64 * inputBytes,
  };
}

function encoded(): FuzzTarget {
  return {
    about: "compressed bodies",
    samples: (random) =>
      [...jsonSamples(random), Buffer.alloc(3 * 1024 * 1024, "[]")].flatMap((body) =>
        CONTENT_ENCODINGS.map((encoding) => COMPRESS[encoding](body)),
      ),
    read: async (bytes) => {
      const limits = { maxBytes: DECODED_BYTES_MAX, maxRatio: RATIO_MAX };
      const outcomes = [];
      for (const encoding of CONTENT_ENCODINGS) {
        try {
          const { byteLength } = await decodeContent(encoding, [bytes], limits);
          if (byteLength > DECODED_BYTES_MAX)
            throw new FuzzFailure(`${encoding} came out as ${byteLength} bytes`);
          outcomes.push("accepted");
        } catch (error) {
          outcomes.push(codeOf(bytes.length, error));
        }
      }
      return outcomes.join(" ");
    },
    allowedBytes: () => REQUEST_BYTES + 2 * DECODED_BYTES_MAX,
  };
}

/** Bytes of peers. What is accepted is written again and must then be read as the same. */
function peers<T>(
  about: string,
  file: string,
  decode: (bytes: Uint8Array) => T,
  encode: (value: T) => Uint8Array,
): FuzzTarget {
  return {
    about,
    samples: () => goldenSamples(file),
    read: (bytes) => {
      const value = refusedOr(bytes.length, () => decode(bytes));
      if (typeof value === "string") return value;
      const written = encode(value);
      if (Buffer.compare(encode(decode(written)), written) !== 0)
        throw new FuzzFailure("is read as something else when it is written again");
      return "accepted";
    },
    allowedBytes: (inputBytes) => REQUEST_BYTES + 64 * inputBytes,
  };
}

/** Messages of the client stream: heads of every kind with bodies behind them. */
function stream(protocol: StreamProtocol): FuzzTarget {
  const filters = { actor: "älice", action: "file.*", target: "README.md", tenant: "t" };
  const heads: readonly Readonly<Record<string, string | number | boolean>>[] = [
    { kind: "append", id: 1, log: "audit", producer: "p;epoch=1;sequence=7", timeout: "5s" },
    { kind: "subscribe", id: 2 ** 53 - 1, log: "audit", from: "first", records: 1000, ...filters },
    { kind: "credit", id: 2 ** 33, records: 255, bytes: 65_536 },
    { kind: "unsubscribe", id: 70_000, more: true },
  ];
  return {
    about: `messages of ${protocol}`,
    samples: (random) =>
      heads.map((head) => {
        const body = random.pick([...jsonSamples(random), ...msgpackSamples(random)]);
        return Buffer.concat([streamHead(protocol, new Map(Object.entries(head))), body]);
      }),
    read: (bytes) => {
      const message = refusedOr(bytes.length, () => splitStreamMessage(protocol, bytes));
      if (typeof message === "string") return message;
      const { fields, body } = message;
      if (bytes.length - body.length > STREAM_HEAD_BYTES_MAX + 1)
        throw new FuzzFailure(`a head of ${bytes.length - body.length} bytes`);
      const again = splitStreamMessage(protocol, streamHead(protocol, fields));
      if (!isDeepStrictEqual(again.fields, fields))
        throw new FuzzFailure("is read as something else when it is written again");
      return "accepted";
    },
    allowedBytes: () => REQUEST_BYTES,
  };
}

function goldenSamples(file: string): readonly Uint8Array[] {
  const lines = readFileSync(join(GOLDEN, file), "utf8").trimEnd().split("\n");
  return lines.map((line) => Buffer.from(line.slice(line.lastIndexOf(" ") + 1), "hex"));
}

function refusedOr<T>(bodyBytes: number, run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    return codeOf(bodyBytes, error);
  }
}

/** The code of a refusal that says where. Anything else is passed on. */
function codeOf(bodyBytes: number, error: unknown): string {
  if (!(error instanceof BadInputError || error instanceof WireError)) throw error;
  const offset = Number(error.details?.["offset"]);
  if (!(offset >= 0 && offset <= bodyBytes))
    throw new FuzzFailure(`${error.code} at byte ${offset} of ${bodyBytes}`);
  return error.code;
}

/** What msgpackr makes of a record, it writes in bytes that are accepted again and mean the same. */
function compareMsgpack(_body: Uint8Array, records: Records): void {
  for (const bytes of records) {
    const written = encodeRecord(decodeRecord(bytes));
    const [copy] = parseIngestBody("application/msgpack", written, RECORD_LIMITS).records;
    if (copy === undefined || Buffer.compare(encodeRecord(decodeRecord(copy)), written) !== 0)
      throw new FuzzFailure("a record that does not survive msgpackr");
  }
}

/** As it is read by whoever takes JSON. */
function asWritten(record: Uint8Array): unknown {
  return JSON.parse(recordText(record));
}

function compareJson(body: Uint8Array, records: Records): void {
  const parsed: unknown = JSON.parse(Buffer.from(body).toString());
  const expected: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  if (!isDeepStrictEqual(records.map(asWritten), expected))
    throw new FuzzFailure("JSON.parse reads something else");
}

function compareNdjson(body: Uint8Array, records: Records): void {
  const lines = Buffer.from(body).toString().split("\n");
  const expected = lines
    .filter((line) => /[^ \t\r]/.test(line))
    .map((line): unknown => JSON.parse(line));
  if (!isDeepStrictEqual(records.map(asWritten), expected))
    throw new FuzzFailure("JSON.parse reads something else");
}
