import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BlobSource } from "../blobs.ts";
import type { CallOptions } from "../types.ts";

/**
 * A file as a blob for `uploadBlob`. The file is read twice, and never held: now for its name, and once for each attempt to send it. The
 * server refuses a file that changes in between (ERR_BLOB_DIGEST).
 */
export async function fileBlob(path: string, { signal }: CallOptions = {}): Promise<BlobSource> {
  const { size } = await stat(path);
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash, signal === undefined ? {} : { signal });
  return {
    sha256: hash.digest("hex"),
    bytes: size,
    // The types of Node's streams and the browser's differ in methods that nobody calls here.
    read: () => Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>,
  };
}
