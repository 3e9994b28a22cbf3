import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { AnnalsClient } from "../annalsClient.ts";
import type { BlobInfo } from "../blobs.ts";
import { ClientError } from "../clientError.ts";
import type { CallOptions } from "../types.ts";

/**
 * Downloads a blob into a file, which appears under its name only when all of it is there and its hash is right; until then it is beside,
 * with `.part` behind its name. Rejects with ERR_BLOB_NOT_FOUND, and with ERR_BLOB_DIGEST for other bytes than were asked for.
 */
export async function saveBlob(
  client: AnnalsClient,
  log: string,
  sha256: string,
  path: string,
  options: CallOptions = {},
): Promise<BlobInfo> {
  const { signal } = options;
  const body = await client.downloadBlob(log, sha256, options);
  const partial = `${path}.part`;
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(partial),
      signal === undefined ? {} : { signal },
    );
    const found = hash.digest("hex");
    if (found !== sha256)
      throw new ClientError("ERR_BLOB_DIGEST", `what came hashes to ${found}: nothing was kept`);
    await rename(partial, path);
    return { sha256, bytes };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
