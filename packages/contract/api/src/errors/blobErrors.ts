import { entry } from "./errorEntry.ts";
import type { ErrorEntry } from "./errorEntry.ts";

export type BlobErrorCode =
  | "ERR_BLOB_MISSING"
  | "ERR_BLOB_NAME"
  | "ERR_BLOB_DIGEST"
  | "ERR_BLOB_SIZE"
  | "ERR_BLOB_NOT_SAVED"
  | "ERR_BLOB_NOT_FOUND"
  | "ERR_BLOB_LENGTH"
  | "ERR_BLOB_TOO_LARGE";

/** What can be wrong with a blob or with records that name one. */
export const BLOB_ERRORS: Readonly<Record<BlobErrorCode, ErrorEntry>> = {
  ERR_BLOB_MISSING: entry(
    409,
    "Blob not uploaded",
    "Records name blobs that the leader of the log does not have. Nothing of the request is in the log.",
    "Upload the blobs first; `details.missing` lists the first ones.",
  ),
  ERR_BLOB_NAME: entry(
    400,
    "Invalid blob name",
    "A blob is named by the SHA-256 of its bytes, in 64 lower-case hexadecimal digits.",
    "`sha256sum FILE` prints it.",
  ),
  ERR_BLOB_DIGEST: entry(
    400,
    "Blob does not match its name",
    "The bytes that came hash to another SHA-256 than the one in the path. Nothing was kept.",
    "Check that the file did not change while it was sent.",
  ),
  ERR_BLOB_SIZE: entry(
    400,
    "Blob of another size",
    "More or fewer bytes came than were announced. Nothing was kept.",
    "Send as many bytes as Content-Length says.",
  ),
  ERR_BLOB_NOT_FOUND: entry(
    404,
    "No such blob",
    "Neither this node nor the leader of the log has a blob of this name.",
    "Upload it, or correct the name.",
  ),
  ERR_BLOB_LENGTH: entry(
    411,
    "Length required",
    "An upload has no Content-Length.",
    "Send the size of the blob in Content-Length; `curl -T FILE` does.",
  ),
  ERR_BLOB_TOO_LARGE: entry(
    413,
    "Blob too large",
    "The blob exceeds `replication.blob.maxBytes`.",
    "Split it, or raise the limit on every node.",
  ),
  ERR_BLOB_NOT_SAVED: entry(
    503,
    "Blob not saved",
    "The disk failed while the blob was written. It does not count as uploaded.",
    "Send it again; if it fails again, look at the node's log.",
    1,
  ),
};
