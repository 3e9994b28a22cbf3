/** Compressed bodies (RFC 9110 §8.4.1, RFC 8878): one layer, into one buffer, with a cap on what comes out. */
import { finished } from "node:stream/promises";
import type { Transform } from "node:stream";
import { constants, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { BodyBuffer } from "./bodyBuffer.ts";
import { begin, resumed } from "./byteSource.ts";
import type { Begun, ByteSource } from "./byteSource.ts";
import { decodedTooLarge, refusal } from "./contentLimits.ts";
import type { ContentEncoding, DecodeLimits } from "./contentLimits.ts";
import { decodeSmall, SMALL_BODY_BYTES_MAX } from "./smallBody.ts";
import { gatherZstd, ZSTD_WINDOW_BYTES_MAX } from "./wholeZstd.ts";
import type { Gathered } from "./wholeZstd.ts";

export const CONTENT_ENCODINGS: readonly ContentEncoding[] = ["gzip", "deflate", "zstd"];

type Inflater = Transform & { readonly bytesWritten: number };

/** What zlib hands out at a time; a chunk is released as soon as it is copied. */
const CHUNK_BYTES = 64 * 1024;
/** State, blocks and chunks of a decoder, as measured; a window of zstd, and what comes out, are not in it. */
const DECODER_BYTES: Readonly<Record<ContentEncoding, number>> = {
  gzip: 192 * 1024,
  deflate: 192 * 1024,
  zstd: 512 * 1024,
};
/** What decoding may hold beside a body of the largest size. */
export const DECODER_BYTES_MAX: number = DECODER_BYTES.zstd + ZSTD_WINDOW_BYTES_MAX;
const RATIO_FREE_BYTES = 1024 * 1024;

const INFLATERS: Readonly<Record<ContentEncoding, (chunkSize: number) => Inflater>> = {
  gzip: (chunkSize) => createGunzip({ chunkSize }),
  deflate: (chunkSize) => createInflate({ chunkSize }),
  zstd: (chunkSize) =>
    createZstdDecompress({
      chunkSize,
      params: { [constants.ZSTD_d_windowLogMax]: Math.log2(ZSTD_WINDOW_BYTES_MAX) },
    }),
};

/**
 * The decoded bytes of `source`, whose chunks are let go of as they are decoded. Throws `BadInputError`: `ERR_BODY_ENCODING` for what is
 * no such encoding or is cut, `ERR_BODY_TRAILING`, `ERR_BODY_WINDOW`, and `ERR_BODY_DECODED_TOO_LARGE` and `ERR_BODY_RATIO` as soon as
 * the limit is passed. Of zstd, one frame is taken.
 */
export async function decodeContent(
  encoding: ContentEncoding,
  source: ByteSource,
  limits: DecodeLimits,
): Promise<Uint8Array> {
  const begun = await begin(source, SMALL_BODY_BYTES_MAX, limits.onGrow);
  if (begun.rest === undefined) {
    const decoded = decodeSmall(encoding, begun.head, limits);
    if (decoded !== undefined) return decoded;
  }
  try {
    const given = encoding === "zstd" ? await gatherZstd(begun, limits) : asItComes(begun);
    return await inflate(encoding, given, limits);
  } finally {
    await begun.rest?.return?.();
  }
}

function asItComes({ head, rest }: Begun): Gathered {
  return { source: resumed([head], rest), heldBytes: 0, decodedBytes: undefined, windowBytes: 0 };
}

async function inflate(
  encoding: ContentEncoding,
  { source, heldBytes, decodedBytes, windowBytes }: Gathered,
  limits: DecodeLimits,
): Promise<Uint8Array> {
  const besideBytes = heldBytes + DECODER_BYTES[encoding];
  const onGrow = (bytes: number): void =>
    limits.onGrow?.(bytes + Math.min(bytes, windowBytes) + besideBytes);
  onGrow(decodedBytes ?? 0);
  const inflater = INFLATERS[encoding](decodedBytes ?? CHUNK_BYTES);
  const output = new BodyBuffer({ maxBytes: limits.maxBytes, onGrow });
  let whole: Uint8Array | undefined;
  inflater.on("data", (chunk: Buffer) => {
    try {
      checkSize(output.byteLength + chunk.byteLength, inflater.bytesWritten, limits);
      if (chunk.byteLength === decodedBytes) {
        whole = chunk;
        return;
      }
      output.append(chunk);
    } catch (error) {
      inflater.destroy(error instanceof Error ? error : new Error(String(error)));
    }
    release(chunk);
  });
  // The writable side of an inflater that met the end of its stream never finishes.
  const done = finished(inflater, { writable: false });
  // One promise a chunk: a body may come in a million of them, and whatever raced against each would keep something of each.
  let over = false;
  let goOn: (() => void) | undefined;
  const settle = (): void => {
    over = true;
    goOn?.();
  };
  done.then(settle, settle);
  try {
    let taken = 0;
    for await (const chunk of source) {
      taken += chunk.byteLength;
      // Not every chunk is taken: none is after the stream's end or failure, of which `done` tells.
      await new Promise<void>((resolve) => {
        goOn = resolve;
        if (over) resolve();
        else inflater.write(chunk, () => resolve());
      });
      if (inflater.errored !== null || inflater.readableEnded) break;
    }
    inflater.end();
    await done;
    if (inflater.bytesWritten < taken)
      throw refusal("ERR_BODY_TRAILING", "bytes after the end", inflater.bytesWritten);
    return whole ?? output.take();
  } catch (error) {
    if (!isZlibError(error)) throw error;
    const cut = error.code === "Z_BUF_ERROR";
    const what = cut ? `ends before its ${encoding} does` : `no ${encoding}, or damaged`;
    throw refusal("ERR_BODY_ENCODING", what, inflater.bytesWritten);
  } finally {
    inflater.destroy();
  }
}

/** `taken`: bytes that went in by now. */
function checkSize(bytes: number, taken: number, { maxBytes, maxRatio }: DecodeLimits): void {
  if (bytes > maxBytes) throw decodedTooLarge(maxBytes, taken);
  if (bytes > RATIO_FREE_BYTES && bytes > maxRatio * taken)
    throw refusal("ERR_BODY_RATIO", `decodes to more than ${maxRatio} times its size`, taken);
}

/**
 * Gives a chunk's memory back now, not when the garbage collector comes: until then all that ever came out would add up. A chunk that
 * does not end its buffer is followed by others in the same one.
 */
function release(chunk: Buffer): void {
  const { buffer, byteOffset, byteLength } = chunk;
  if (buffer instanceof ArrayBuffer && byteOffset + byteLength === buffer.byteLength)
    buffer.transfer(0);
}

function isZlibError(error: unknown): error is Error & { readonly code: string } {
  return (
    error instanceof Error &&
    "code" in error &&
    /^(Z_|ZSTD_|ERR_TRAILING_JUNK)/.test(String(error.code))
  );
}
