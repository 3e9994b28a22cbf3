import { BodyBuffer } from "./bodyBuffer.ts";
import { resumed } from "./byteSource.ts";
import type { Begun, ByteSource } from "./byteSource.ts";
import { decodedTooLarge, refusal } from "./contentLimits.ts";
import type { DecodeLimits } from "./contentLimits.ts";
import { isSkippable, isWholeFrame, zstdFrame } from "./zstdFrame.ts";
import type { ZstdFrame } from "./zstdFrame.ts";

type SizedFrame = ZstdFrame & { readonly contentBytes: number };

/** What is to be decoded. */
export interface Gathered {
  readonly source: ByteSource;
  /** What the source holds until it is decoded. */
  readonly heldBytes: number;
  /** All of it is here, in one piece, and says that it decodes to so much. */
  readonly decodedBytes: number | undefined;
  /** What the decoder has to remember, and holds beside its output as far as that goes. */
  readonly windowBytes: number;
}

/** RFC 9659: a decoder of zstd bodies takes windows of 8 MiB, and no more. */
export const ZSTD_WINDOW_BYTES_MAX: number = 8 * 1024 * 1024;
/** A decoder of less is small in any case. */
const CONTENT_BYTES_MIN = 128 * 1024;
/** What decoding may cost beyond five quarters of the output. */
const ALLOWED_BYTES = 1024 * 1024;
/** What a streaming decoder was seen to hold in blocks and chunks, beside output and window: see bench/contentDecoder.ts. */
const STREAM_BYTES = 1.5 * 1024 * 1024;

/**
 * A streaming decoder of zstd holds a window beside its output, as large as that if it is small. One that is given the whole frame and room
 * for all of the output holds none. So where the window would cost more than is allowed, the frame is gathered first if it is not large.
 * Refuses by the frame's head what cannot be decoded, or would cost too much.
 */
export async function gatherZstd({ head, rest }: Begun, limits: DecodeLimits): Promise<Gathered> {
  const { onGrow } = limits;
  const frame = affordable(head, limits);
  const sized = worthGathering(frame);
  const chunks = resumed([head], rest);
  if (sized === undefined) return streamed(chunks, frame);
  const { contentBytes } = sized;
  const maxBytes = gatheredBytesMax(contentBytes);
  const gathered = new BodyBuffer({ maxBytes, ...(onGrow === undefined ? {} : { onGrow }) });
  for (;;) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    if (gathered.byteLength + value.byteLength > maxBytes)
      return streamed(resumed([gathered.take(), value], chunks), frame);
    gathered.append(value);
  }
  const body = gathered.take();
  // Whatever is to be refused is so by the streaming decoder, in its words.
  const refused = contentBytes > limits.maxRatio * body.byteLength;
  if (refused || !isWholeFrame(body, sized)) return streamed(resumed([body], undefined), frame);
  const source = resumed([body], undefined);
  return { source, heldBytes: body.byteLength, decodedBytes: contentBytes, windowBytes: 0 };
}

function streamed(source: ByteSource, frame: ZstdFrame | undefined): Gathered {
  const windowBytes = frame?.windowBytes ?? 0;
  return { source, heldBytes: 0, decodedBytes: undefined, windowBytes };
}

/** The head of the frame; undefined for what is none, which the decoder says. */
function affordable(head: Uint8Array, { maxBytes }: DecodeLimits): ZstdFrame | undefined {
  const frame = zstdFrame(head);
  if (frame === undefined) {
    if (isSkippable(head))
      throw refusal("ERR_BODY_ENCODING", "begins with a frame without data, and one is taken", 0);
    return undefined;
  }
  const { windowBytes, contentBytes, dictionary, headBytes } = frame;
  if (dictionary !== 0) {
    const what = `is compressed with dictionary ${dictionary}, and none is known here`;
    throw refusal("ERR_BODY_ENCODING", what, headBytes);
  }
  if (contentBytes !== undefined && contentBytes > maxBytes)
    throw decodedTooLarge(maxBytes, headBytes);
  if (windowBytes <= ZSTD_WINDOW_BYTES_MAX) return frame;
  const what = `needs a window of ${windowBytes} bytes, and up to ${ZSTD_WINDOW_BYTES_MAX} are taken`;
  throw refusal("ERR_BODY_WINDOW", what, headBytes);
}

/** What a frame may have itself that is gathered: a part of what decoding it may cost. */
function gatheredBytesMax(contentBytes: number): number {
  return Math.floor((contentBytes / 4 + ALLOWED_BYTES) / 2);
}

/** The frame, if it says what it decodes to and a streaming decoder would hold more than is allowed. */
function worthGathering(frame: ZstdFrame | undefined): SizedFrame | undefined {
  if (frame?.contentBytes === undefined || frame.contentBytes < CONTENT_BYTES_MIN) return undefined;
  const { contentBytes, windowBytes } = frame;
  const streamedBytes = Math.min(windowBytes, contentBytes) + STREAM_BYTES;
  const worth = streamedBytes > contentBytes / 4 + ALLOWED_BYTES;
  return worth ? { ...frame, contentBytes } : undefined;
}
