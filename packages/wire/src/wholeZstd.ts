import { BodyBuffer } from "./bodyBuffer.ts";
import type { DecodeLimits } from "./contentDecoder.ts";
import { isWholeFrame, ZSTD_HEAD_BYTES_MAX, zstdFrame } from "./zstdFrame.ts";
import type { ZstdFrame } from "./zstdFrame.ts";

export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
type SizedFrame = ZstdFrame & { readonly contentBytes: number };
type Chunks = AsyncIterator<Uint8Array> | Iterator<Uint8Array>;

/** What is to be decoded. `decodedBytes`: all of it is here, in one piece, and says that it decodes to so much. */
export interface Gathered {
  readonly source: ByteSource;
  readonly decodedBytes: number | undefined;
}

/** A larger window is refused (RFC 9659). */
const WINDOW_BYTES_MAX = 8 * 1024 * 1024;
/** A decoder of less is small in any case. */
const CONTENT_BYTES_MIN = 128 * 1024;
/** What decoding may cost beyond five quarters of the output. */
const ALLOWED_BYTES = 1024 * 1024;
/** What a streaming decoder was seen to hold in blocks and chunks, beside output and window: see bench/contentDecoder.ts. */
const STREAM_BYTES = 1.5 * 1024 * 1024;

/**
 * A streaming decoder of zstd holds a window beside its output, as large as that if it is small. One that is given the whole frame and room
 * for all of the output holds none. So where the window would cost more than is allowed, the frame is gathered first if it is not large.
 */
export async function gatherZstd(source: ByteSource, limits: DecodeLimits): Promise<Gathered> {
  const iterator = iteratorOf(source);
  try {
    return await gather(iterator, limits);
  } catch (error) {
    await iterator.return?.();
    throw error;
  }
}

async function gather(iterator: Chunks, limits: DecodeLimits): Promise<Gathered> {
  const { onGrow } = limits;
  const gathered = new BodyBuffer({
    maxBytes: gatheredBytesMax(limits.maxBytes),
    ...(onGrow === undefined ? {} : { onGrow }),
  });
  let frame: SizedFrame | undefined;
  for (;;) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    const bytes = gathered.byteLength + value.byteLength;
    const most = gatheredBytesMax(frame?.contentBytes ?? 0);
    if (bytes > most) return streamed(resumed([gathered.take(), value], iterator));
    gathered.append(value);
    if (bytes < ZSTD_HEAD_BYTES_MAX) continue;
    frame ??= worthGathering(gathered.head(ZSTD_HEAD_BYTES_MAX), limits);
    if (frame === undefined) return streamed(resumed([gathered.take()], iterator));
  }
  const body = gathered.take();
  const decodedBytes = frame?.contentBytes ?? 0;
  // Whatever is to be refused is so by the streaming decoder, in its words.
  const refused = decodedBytes > limits.maxRatio * body.byteLength;
  if (frame === undefined || refused || !isWholeFrame(body, frame)) return streamed([body]);
  onGrow?.(body.byteLength + decodedBytes);
  return { source: [body], decodedBytes };
}

function streamed(source: ByteSource): Gathered {
  return { source, decodedBytes: undefined };
}

/** What a frame may have itself that is gathered: a part of what decoding it may cost. */
function gatheredBytesMax(contentBytes: number): number {
  return Math.floor((contentBytes / 4 + ALLOWED_BYTES) / 2);
}

/** The frame, if it says what it decodes to and a streaming decoder would hold more than is allowed. */
function worthGathering(head: Uint8Array, { maxBytes }: DecodeLimits): SizedFrame | undefined {
  const frame = zstdFrame(head);
  if (frame?.contentBytes === undefined) return undefined;
  const { contentBytes, windowBytes } = frame;
  if (contentBytes < CONTENT_BYTES_MIN || contentBytes > maxBytes) return undefined;
  if (windowBytes > WINDOW_BYTES_MAX) return undefined;
  const streamedBytes = Math.min(windowBytes, contentBytes) + STREAM_BYTES;
  const worth = streamedBytes > contentBytes / 4 + ALLOWED_BYTES;
  return worth ? { ...frame, contentBytes } : undefined;
}

/** What was taken already, which is let go of as it is taken again, and the rest. */
async function* resumed(taken: Uint8Array[], iterator: Chunks): AsyncGenerator<Uint8Array, void> {
  try {
    for (let one = taken.shift(); one !== undefined; one = taken.shift()) yield one;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done === true) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

function iteratorOf(source: ByteSource): Chunks {
  return Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
}
