import type { Caller } from "./caller.ts";
import { ClientError } from "./clientError.ts";
import type { CallOptions } from "./types.ts";

/** A blob on this side: its name, how long it is, and its bytes, which are read anew for every attempt. */
export interface BlobSource {
  /** In 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
  /** A stream, or in a page the `Blob` or `File` itself: no browser sends a stream over HTTP/1.1. */
  readonly read: () => ReadableStream<Uint8Array> | Blob;
}

export interface BlobInfo {
  readonly sha256: string;
  readonly bytes: number;
}

/** The slowest upload that is given its time, in bytes a millisecond. */
const SLOWEST_BYTES_PER_MS = 64;

/** Resolves when the leader of the log has the blob on its disk: then records may name it. Repeats do no harm. */
export async function uploadBlob(
  caller: Caller,
  path: string,
  log: string,
  blob: BlobSource,
  { signal }: CallOptions,
): Promise<BlobInfo> {
  const { sha256, bytes, read } = blob;
  const answer = await caller.call({
    method: "PUT",
    path: `${path}/blobs/${sha256}`,
    log,
    headers: { "content-type": "application/octet-stream", "content-length": String(bytes) },
    body: read,
    signal,
    repeat: "safe",
    extraMs: Math.ceil(bytes / SLOWEST_BYTES_PER_MS),
  });
  return answer as BlobInfo;
}

/** The bytes of a blob, as they come; the hash is for the caller to check. Rejects with ERR_BLOB_NOT_FOUND. */
export async function downloadBlob(
  caller: Caller,
  path: string,
  log: string,
  sha256: string,
  { signal }: CallOptions,
): Promise<ReadableStream<Uint8Array>> {
  const response = await caller.stream({
    method: "GET",
    path: `${path}/blobs/${encodeURIComponent(sha256)}`,
    log,
    headers: { accept: "application/octet-stream" },
    signal,
    repeat: "safe",
  });
  if (response.body === null) throw new ClientError("ERR_ANSWER_INVALID", "an answer without body");
  return response.body;
}
