import type { IncomingMessage } from "node:http";
import { BodyBuffer, decodeContent, letGo } from "@annals/wire";
import type { ContentEncoding } from "@annals/wire";
import { httpError } from "./problem.ts";
import { paced } from "./uploadPace.ts";
import type { UploadLimits } from "./uploadPace.ts";

export interface BodyLimits extends UploadLimits {
  /** Bytes on the wire of a body as it is: `ingest.maxBodyBytes`. A compressed one has the same cap before it is decoded. */
  readonly maxBytes: number;
  /** Bytes of a compressed body once decoded: `ingest.maxDecodedBytes`. */
  readonly maxDecodedBytes: number;
  /** Bytes out per byte in: `ingest.maxDecodeRatio`. */
  readonly maxRatio: number;
}

export interface BodyListener {
  /** What is held, before more is; may throw. */
  readonly onGrow: (bytes: number) => void;
  /** The body comes in from now on; `cut` ends it by an error. The result is called when it is here, or is given up. */
  readonly onBegin: (cut: (error: Error) => void) => () => void;
  /** A compressed body was decoded to its end. */
  readonly onDecoded: (encoding: ContentEncoding, bytesIn: number, bytesOut: number) => void;
}

/**
 * A body in one buffer of its own, decoded as it comes in: the compressed bytes are never held. Throws ERR_BODY_TOO_LARGE, what decoding
 * throws, and ERR_UPLOAD_TOO_SLOW or ERR_REQUEST_TIMEOUT, as soon as it is certain.
 */
export async function receiveBody(
  payload: IncomingMessage,
  encoding: ContentEncoding | undefined,
  limits: BodyLimits,
  listener: BodyListener,
): Promise<Uint8Array> {
  let received: (() => void) | undefined;
  const chunks = paced(payload, limits, (cut) => {
    received = listener.onBegin(cut);
  });
  try {
    return await wholeBody(payload, encoding, limits, listener, chunks);
  } finally {
    received?.();
  }
}

async function wholeBody(
  payload: IncomingMessage,
  encoding: ContentEncoding | undefined,
  limits: BodyLimits,
  { onGrow, onDecoded }: BodyListener,
  incoming: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const wire = { bytes: 0 };
  const chunks = capped(incoming, limits.maxBytes, wire);
  if (encoding !== undefined) {
    const { maxDecodedBytes: maxBytes, maxRatio } = limits;
    const body = await decodeContent(encoding, chunks, { maxBytes, maxRatio, onGrow });
    onDecoded(encoding, wire.bytes, body.byteLength);
    return body;
  }
  const announced = Number(payload.headers["content-length"] ?? Number.NaN);
  if (Number.isSafeInteger(announced)) return filled(new Uint8Array(announced), chunks);
  const body = new BodyBuffer({ maxBytes: limits.maxBytes, onGrow });
  for await (const chunk of chunks) body.append(chunk);
  return body.take();
}

/** Node's parser sees to it that as many bytes come as were announced. */
async function filled(body: Uint8Array, chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let at = 0;
  for await (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return body;
}

async function* capped(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  wire: { bytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    wire.bytes += chunk.byteLength;
    if (wire.bytes > maxBytes) throw bodyTooLarge(maxBytes);
    yield chunk;
    // Copied or decoded by now, and a buffer of its own: the parser makes one for each.
    letGo(chunk);
  }
}

export function bodyTooLarge(limit: number): Error {
  return httpError("ERR_BODY_TOO_LARGE", `the body is larger than ${limit} bytes`, {
    details: { limit },
  });
}
