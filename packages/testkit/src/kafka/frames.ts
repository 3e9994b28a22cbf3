/** The little of Kafka's protocol that a gate before a broker has to understand. */
export const API_VERSIONS = 18;
export const SASL_HANDSHAKE = 17;
export const SASL_AUTHENTICATE = 36;

/** Cuts a stream into frames, without their lengths. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): readonly Buffer[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const frames: Buffer[] = [];
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readInt32BE(0);
      if (this.#rest.length < end) break;
      frames.push(this.#rest.subarray(4, end));
      this.#rest = this.#rest.subarray(end);
    }
    return frames;
  }
}

export interface RequestHead {
  readonly api: number;
  readonly correlation: number;
  /** What follows the name of the client. */
  readonly body: Buffer;
}

export function requestHead(frame: Buffer): RequestHead {
  const nameBytes = Math.max(0, frame.readInt16BE(8));
  return {
    api: frame.readInt16BE(0),
    correlation: frame.readInt32BE(4),
    body: frame.subarray(10 + nameBytes),
  };
}

export function framed(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length), body]);
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}

/** An answer to ApiVersions in which the broker speaks SASL, too. */
export function withSasl(frame: Buffer): Buffer {
  const correlationAndError = frame.subarray(0, 6);
  const count = frame.readInt32BE(6);
  const end = 10 + count * 6;
  const sasl = [SASL_HANDSHAKE, 0, 1, SASL_AUTHENTICATE, 0, 0].map(int16);
  const known = frame.subarray(10, end);
  return Buffer.concat([
    correlationAndError,
    int32(count + 2),
    known,
    ...sasl,
    frame.subarray(end),
  ]);
}
