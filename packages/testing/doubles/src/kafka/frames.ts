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
  /** Name of the client. */
  readonly client: string;
  /** What follows the name of the client. */
  readonly body: Buffer;
}

export function requestHead(frame: Buffer): RequestHead {
  const nameBytes = Math.max(0, frame.readInt16BE(8));
  return {
    api: frame.readInt16BE(0),
    correlation: frame.readInt32BE(4),
    client: frame.subarray(10, 10 + nameBytes).toString("utf8"),
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

export function blob(bytes: Buffer): Buffer {
  return Buffer.concat([int32(bytes.length), bytes]);
}

export function list<T>(items: readonly T[], write: (item: T) => Buffer): Buffer {
  return Buffer.concat([int32(items.length), ...items.map(write)]);
}

/** A kind of request, and the versions of it that are spoken. */
export interface SpokenApi {
  readonly api: number;
  readonly from: number;
  readonly to: number;
}

export const SASL_APIS: readonly SpokenApi[] = [
  { api: SASL_HANDSHAKE, from: 0, to: 1 },
  { api: SASL_AUTHENTICATE, from: 0, to: 0 },
];

/** An answer to ApiVersions in which the broker speaks these, too, and in these versions. */
export function withApis(frame: Buffer, apis: readonly SpokenApi[]): Buffer {
  const correlationAndError = frame.subarray(0, 6);
  const end = 10 + frame.readInt32BE(6) * API_BYTES;
  const others: Buffer[] = [];
  for (let at = 10; at < end; at += API_BYTES) {
    const isReplaced = apis.some(({ api }) => api === frame.readInt16BE(at));
    if (!isReplaced) others.push(frame.subarray(at, at + API_BYTES));
  }
  const ours = apis.map(({ api, from, to }) => Buffer.concat([api, from, to].map(int16)));
  const all = list([...others, ...ours], (one) => one);
  return Buffer.concat([correlationAndError, all, frame.subarray(end)]);
}

const API_BYTES = 6;
