import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { BatchView, compressBatch, malformedBatch } from "@annals/record";

/** The fastest that is still a third of the size; what a stronger level saves costs more CPU than a record has (docs/benchmarks). */
const LEVEL = { [constants.ZSTD_c_compressionLevel]: 1 };

/** What is made room for on the word of a batch alone. */
const CHUNK_BYTES_MAX = 16 * 1024 * 1024;

/** The batch with its records compressed by Zstandard (RFC 8878), or itself if that would not be smaller. */
export function zstdBatch(batch: Uint8Array): Uint8Array {
  return compressBatch(batch, (body) => zstdCompressSync(body, { params: LEVEL }));
}

/** A batch as it is stored, compressed or not. Throws `ERR_BATCH_MALFORMED` or `ERR_BATCH_VERSION`. */
export function viewBatch(batch: Uint8Array): BatchView {
  return new BatchView(batch, expand);
}

function expand(packed: Uint8Array, size: number): Uint8Array {
  try {
    // Never more than it says, and in one piece.
    const options = {
      maxOutputLength: Math.max(1, size),
      chunkSize: Math.min(Math.max(64, size), CHUNK_BYTES_MAX),
    };
    const body = zstdDecompressSync(packed, options);
    if (body.length === size) return body;
  } catch {
    // The reason is the library's, the place is ours.
  }
  throw malformedBatch("the compressed records are damaged", 0);
}
