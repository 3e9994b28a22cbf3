import type { BadInputCode } from "@annals/record";
import { entry } from "./errorEntry.ts";
import type { ErrorEntry } from "./errorEntry.ts";

function malformed(title: string, meaning: string, mend: string): ErrorEntry {
  return entry(400, title, `${meaning} Nothing of the request was stored.`, mend);
}

function tooLarge(title: string, meaning: string, mend: string): ErrorEntry {
  return entry(413, title, `${meaning} Nothing of the request was stored.`, mend);
}

/** Where the fault is: in `details`, `position` is the 0-based record, `path` the field, `offset` the byte of the body. */
const PLACE =
  "`details` has the record's 0-based `position`, the `path` of the field and the byte `offset`.";

/** Why records are refused: all of a request or nothing. */
export const INPUT_ERRORS: Readonly<Record<BadInputCode, ErrorEntry>> = {
  ERR_BODY_EMPTY: malformed(
    "Empty body",
    "There is no record in the body.",
    "Send at least one record.",
  ),
  ERR_BODY_MALFORMED: malformed(
    "Malformed body",
    "The body is not in the format of its Content-Type: it is not valid JSON, or not valid " +
      "msgpack.",
    "`details.offset` is the byte at which reading failed.",
  ),
  ERR_BODY_TRUNCATED: malformed(
    "Truncated body",
    "The body ends inside a value.",
    "Send the whole body; look for a proxy that cuts it.",
  ),
  ERR_BODY_TRAILING: malformed(
    "Trailing bytes",
    "The body goes on after the end of the records.",
    "Send several JSON records as an array or as NDJSON, and a zstd body as one frame.",
  ),
  ERR_BODY_TYPE: malformed(
    "Body holds no records",
    "The body is neither a record nor a list of records.",
    "Send one record, or an array of them.",
  ),
  ERR_BODY_TOO_MANY_RECORDS: tooLarge(
    "Too many records",
    "The request has more than `ingest.maxRecords` records.",
    "Send smaller requests, or raise the limit.",
  ),
  ERR_BODY_ENCODING: malformed(
    "Damaged compressed body",
    "The body is not in the format of its Content-Encoding, or it is cut off.",
    "`details.offset` is the compressed byte at which reading failed. Deflate is zlib's " +
      "format; zstd is one frame, and no dictionary.",
  ),
  ERR_BODY_DECODED_TOO_LARGE: tooLarge(
    "Body too large once decoded",
    "The body decompresses to more than `ingest.maxDecodedBytes`.",
    "Send smaller requests, or raise the limit.",
  ),
  ERR_BODY_RATIO: tooLarge(
    "Compression ratio too high",
    "The body decompresses to more than `ingest.maxDecodeRatio` times its size.",
    "Audit records seldom compress so well. If yours do, send smaller requests (the first MiB " +
      "is not counted), or raise the limit.",
  ),
  ERR_BODY_WINDOW: tooLarge(
    "Window too large",
    "The zstd body needs a window of more than 8 MiB to be decoded.",
    "Compress with a window of 8 MiB at most (RFC 9659): without `--long` and `--ultra`, or " +
      "with a window log of 23.",
  ),
  ERR_RECORD_TOO_LARGE: tooLarge(
    "Record too large",
    "A record exceeds `ingest.maxRecordBytes`.",
    `Upload large data as a blob and name it in the record. ${PLACE}`,
  ),
  ERR_RECORD_TOO_DEEP: malformed(
    "Nested too deeply",
    "A value is nested more than 32 levels deep.",
    PLACE,
  ),
  ERR_RECORD_TOO_MANY_ELEMENTS: malformed(
    "Too many elements",
    "A record has more keys and array elements than are allowed.",
    PLACE,
  ),
  ERR_RECORD_TOO_MANY_ATTACHMENTS: malformed(
    "Too many attachments",
    "A record names more than 64 blobs.",
    `Spread them over several records. ${PLACE}`,
  ),
  ERR_RECORD_EXTENSION_TYPE: malformed(
    "Unknown msgpack extension type",
    "A msgpack value has an extension type other than 1, which holds the digits of a number.",
    `Write times as RFC 3339 strings. ${PLACE}`,
  ),
  ERR_RECORD_DUPLICATE_KEY: malformed("Duplicate key", "An object has a key twice.", PLACE),
  ERR_RECORD_KEY: malformed("Invalid key", "A key is not a string, or it is reserved.", PLACE),
  ERR_RECORD_NOT_UTF8: malformed(
    "Not UTF-8",
    "A string is not valid UTF-8.",
    `Write binary data as base64. ${PLACE}`,
  ),
  ERR_RECORD_NUMBER: malformed(
    "Invalid number",
    "A number is not finite, or has more than 400 digits.",
    `Numbers that a double cannot hold keep their digits; write longer ones as strings. ${PLACE}`,
  ),
  ERR_RECORD_FIELD_MISSING: malformed(
    "Missing field",
    "A record lacks `actor.id`, `action`, or a required part of another field.",
    PLACE,
  ),
  ERR_RECORD_FIELD_UNKNOWN: malformed(
    "Unknown field",
    "A record has a key that the record model does not know.",
    `Put data of your own under \`data\`. ${PLACE}`,
  ),
  ERR_RECORD_FIELD_TYPE: malformed(
    "Wrong type",
    "A field has a value of a type that the record model does not allow.",
    PLACE,
  ),
  ERR_RECORD_FIELD_VALUE: malformed(
    "Wrong value",
    "A field has a value that the record model does not allow.",
    PLACE,
  ),
};
