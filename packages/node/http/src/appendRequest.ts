import type { IncomingHttpHeaders } from "node:http";
import type { ProducerStamp } from "@annals/record";
import { CONTENT_ENCODINGS } from "@annals/wire";
import type { ContentEncoding } from "@annals/wire";
import { parseDuration } from "@annals/config";
import { RECORD_CONTENT_TYPES } from "@annals/api";
import type { RecordContentType } from "@annals/api";
import { httpError } from "./problem.ts";

const APPEND_TIMEOUT_MS_DEFAULT = 10_000;
const APPEND_TIMEOUT_MS_MAX = 60_000;

/** Everything about an append but its body; known before the body is received, so that a bad one is refused early. */
export interface AppendHead {
  readonly contentType: RecordContentType;
  /** How the body is compressed on its way; undefined: it is not. */
  readonly encoding: ContentEncoding | undefined;
  readonly producer: ProducerStamp | undefined;
  readonly timeoutMs: number;
}

export function parseAppendHead(headers: IncomingHttpHeaders): AppendHead {
  return {
    encoding: parseEncoding(headers["content-encoding"]),
    contentType: parseContentType(headers["content-type"]),
    producer: parseProducer(headers["annals-producer"]),
    timeoutMs: parseTimeout(headers["annals-timeout"]),
  };
}

/** Writes the head of an append as `parseAppendHead` reads it. The body is decoded by now. */
export function appendHeaders({
  contentType,
  producer,
  timeoutMs,
}: Omit<AppendHead, "encoding">): Readonly<Record<string, string>> {
  const head = { "content-type": contentType, "annals-timeout": `${timeoutMs}ms` };
  if (producer === undefined) return head;
  const { id, epoch, sequence } = producer;
  return { ...head, "annals-producer": `${id};epoch=${epoch};sequence=${sequence}` };
}

export function assertNoEncoding(headers: IncomingHttpHeaders): void {
  const encoding = codingOf(headers["content-encoding"]);
  if (encoding === "identity") return;
  throw httpError(
    "ERR_CONTENT_ENCODING_UNSUPPORTED",
    `this route does not accept Content-Encoding: ${encoding.slice(0, 32)}; ` +
      "send the body uncompressed",
  );
}

function parseEncoding(header: string | undefined): ContentEncoding | undefined {
  const coding = codingOf(header);
  if (coding === "identity") return undefined;
  // RFC 9110 §8.4.1.3: a recipient takes x-gzip for gzip.
  const name = coding === "x-gzip" ? "gzip" : coding;
  const known = CONTENT_ENCODINGS.find((candidate) => candidate === name);
  if (known !== undefined) return known;
  throw httpError(
    "ERR_CONTENT_ENCODING_UNSUPPORTED",
    `expected one of ${CONTENT_ENCODINGS.join(", ")}, and one layer only, found ${coding.slice(0, 32)}`,
  );
}

function codingOf(header: string | undefined): string {
  const coding = (header ?? "").trim().toLowerCase();
  return coding === "" ? "identity" : coding;
}

/** Other names of the same types: the registered one of msgpack (IANA), and what was said before there was one. */
const TYPE_NAMES: ReadonlyMap<string, RecordContentType> = new Map([
  ["application/vnd.msgpack", "application/msgpack"],
  ["application/x-msgpack", "application/msgpack"],
  ["application/jsonl", "application/x-ndjson"],
  ["application/x-jsonlines", "application/x-ndjson"],
]);

function parseContentType(header: string | undefined): RecordContentType {
  const [type = "", ...parameters] = (header ?? "")
    .split(";")
    .map((part) => part.trim().toLowerCase());
  const name = TYPE_NAMES.get(type) ?? type;
  const known = RECORD_CONTENT_TYPES.find((candidate) => candidate === name);
  if (known === undefined) {
    throw httpError(
      "ERR_CONTENT_TYPE_UNSUPPORTED",
      `expected ${RECORD_CONTENT_TYPES.join(" or ")}, found ${type === "" ? "none" : type.slice(0, 64)}`,
    );
  }
  for (const parameter of parameters) {
    if (/^charset="?utf-8"?$/.test(parameter) || parameter === "") continue;
    throw httpError(
      "ERR_CONTENT_TYPE_UNSUPPORTED",
      `${type} with ${parameter.slice(0, 64)}: only UTF-8 is taken`,
    );
  }
  return known;
}

/** `id;epoch=1;sequence=7`. Of the id only characters that need no quoting in a header. */
export function parseProducer(header: string | string[] | undefined): ProducerStamp | undefined {
  if (header === undefined) return undefined;
  const match = /^([A-Za-z0-9._:@/+-]{1,64}); ?epoch=(\d{1,15}); ?sequence=(\d{1,15})$/.exec(
    String(header),
  );
  const epoch = Number(match?.[2]);
  const sequence = Number(match?.[3]);
  if (match === null || epoch < 1 || sequence < 1) {
    throw httpError(
      "ERR_HEADER_INVALID",
      "Annals-Producer: expected id;epoch=E;sequence=N, E and N from 1, the id of letters, " +
        "digits and . _ : @ / + - (at most 64)",
    );
  }
  return { id: match[1] ?? "", epoch, sequence };
}

export function parseTimeout(header: string | string[] | undefined): number {
  if (header === undefined) return APPEND_TIMEOUT_MS_DEFAULT;
  const parsed = parseDuration(String(header));
  if (parsed.ok && parsed.value >= 1 && parsed.value <= APPEND_TIMEOUT_MS_MAX) return parsed.value;
  throw httpError(
    "ERR_HEADER_INVALID",
    `Annals-Timeout: expected 1ms to ${APPEND_TIMEOUT_MS_MAX / 1000}s with a unit, such as 5s`,
  );
}
