import type { IncomingMessage } from "node:http";
import { BodyBuffer, decodeContent } from "@annals/wire";
import type { ContentEncoding } from "@annals/wire";
import { httpError } from "./problem.ts";

export interface BodyLimits {
  /** Bytes on the wire of a body as it is: `ingest.maxBodyBytes`. A compressed one has the same cap before it is decoded. */
  readonly maxBytes: number;
  /** Bytes of a compressed body once decoded: `ingest.maxDecodedBytes`. */
  readonly maxDecodedBytes: number;
  /** Bytes out per byte in: `ingest.maxDecodeRatio`. */
  readonly maxRatio: number;
}

/**
 * A body in one buffer of its own, decoded as it comes in: the compressed bytes are never held. `onGrow` is told what is held before more
 * is, and may throw. Throws ERR_BODY_TOO_LARGE and what decoding throws, as soon as it is certain.
 */
export async function receiveBody(
  payload: IncomingMessage,
  encoding: ContentEncoding | undefined,
  limits: BodyLimits,
  onGrow: (bytes: number) => void,
): Promise<Uint8Array> {
  const chunks = cappedAt(limits.maxBytes, payload);
  if (encoding !== undefined) {
    const { maxDecodedBytes: maxBytes, maxRatio } = limits;
    return decodeContent(encoding, chunks, { maxBytes, maxRatio, onGrow });
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

async function* cappedAt(maxBytes: number, payload: IncomingMessage): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  // Whoever stops reading still answers on the connection.
  for await (const chunk of payload.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > maxBytes) throw bodyTooLarge(maxBytes);
    yield chunk as Uint8Array;
  }
}

export function bodyTooLarge(limit: number): Error {
  return httpError("ERR_BODY_TOO_LARGE", `the body is larger than ${limit} bytes`, {
    details: { limit },
  });
}
