import { WebSocket } from "ws";
import type { ClientOptions, RawData } from "ws";

/** A zero mask: between our own nodes masking protects nothing, and XORing every byte costs half the throughput. */
function zeroMask(mask: Buffer): void {
  mask.fill(0);
}

export function dial(url: string, maxMessageBytes: number, handshakeTimeoutMs: number): WebSocket {
  const options: ClientOptions & { generateMask: (mask: Buffer) => void } = {
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handshakeTimeout: handshakeTimeoutMs,
    skipUTF8Validation: true,
    followRedirects: false,
    generateMask: zeroMask,
  };
  return new WebSocket(url, options);
}

/**
 * The bytes of a message in memory of their own, which ws gives to one that it put together from several socket reads. One that it cut out
 * of a read would pin the whole 64 KiB chunk while it waits, and could not be handed to another thread: it is copied.
 */
export function ownBytes(data: RawData): Uint8Array<ArrayBuffer> {
  if (Array.isArray(data)) return new Uint8Array(Buffer.concat(data));
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  const { buffer, byteLength } = data;
  return buffer instanceof ArrayBuffer && byteLength === buffer.byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(data);
}

/** Whether ws closed the connection because of what the peer sent, and what it was. */
export function inboundFault(
  error: Error & { code?: string },
): { code: string; reason: string } | undefined {
  if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
    return {
      code: "ERR_FRAME_TOO_LARGE",
      reason: "a frame is larger than replication.maxMessageBytes",
    };
  }
  if (error.code?.startsWith("WS_ERR_") === true)
    return { code: "ERR_FRAME_MALFORMED", reason: error.message };
  return undefined;
}
