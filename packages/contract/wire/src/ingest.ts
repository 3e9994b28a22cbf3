import { drain, parseJsonRecords, parseNdjsonRecords, RecordScanner } from "@annals/record";
import type { ParsedRecords, RecordLimits } from "@annals/record";

export type IngestContentType = "application/json" | "application/x-ndjson" | "application/msgpack";

/**
 * The records of an append request as msgpack, each checked against the record model and the limits; msgpack records are views of
 * `body`. All or nothing: throws `BadInputError` for the first thing that is wrong.
 */
export function parseIngestBody(
  contentType: IngestContentType,
  body: Uint8Array,
  limits: RecordLimits,
): ParsedRecords {
  return drain(parseIngestBodyInSteps(contentType, body, limits));
}

/** The same, yielding after some milliseconds of work each: a large body must not keep heartbeats waiting. */
export function parseIngestBodyInSteps(
  contentType: IngestContentType,
  body: Uint8Array,
  limits: RecordLimits,
): Generator<void, ParsedRecords, void> {
  switch (contentType) {
    case "application/json":
      return parseJsonRecords(body, limits);
    case "application/x-ndjson":
      return parseNdjsonRecords(body, limits);
    case "application/msgpack":
      return parseMsgpackRecords(body, limits);
    default:
      return contentType satisfies never;
  }
}

function* parseMsgpackRecords(
  body: Uint8Array,
  limits: RecordLimits,
): Generator<void, ParsedRecords, void> {
  const scanner = new RecordScanner(limits);
  const records = sliceRecords(body, yield* scanner.scanBody(body));
  return { records, attachments: scanner.takeAttachments() };
}

function sliceRecords(body: Uint8Array, bounds: readonly number[]): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let k = 1; k < bounds.length; k++) records.push(body.subarray(bounds[k - 1], bounds[k]));
  return records;
}
