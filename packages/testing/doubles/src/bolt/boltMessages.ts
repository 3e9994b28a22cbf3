/** Bolt 5.4: handshake, chunks and the messages of both sides. */
import type { PackStructure, PackValue } from "./packStream.ts";
import { packStructure, unpackStructure } from "./packStream.ts";

export const REQUESTS: Readonly<Record<number, string>> = {
  0x01: "HELLO",
  0x02: "GOODBYE",
  0x0f: "RESET",
  0x10: "RUN",
  0x11: "BEGIN",
  0x12: "COMMIT",
  0x13: "ROLLBACK",
  0x2f: "DISCARD",
  0x3f: "PULL",
  0x54: "TELEMETRY",
  0x66: "ROUTE",
  0x6a: "LOGON",
  0x6b: "LOGOFF",
};

export const SUCCESS = 0x70;
export const RECORD = 0x71;
export const IGNORED = 0x7e;
export const FAILURE = 0x7f;

const MAGIC = 0x60_60_b0_17;
const MAJOR = 5;
const MINOR = 4;
const CHUNK_MAX = 0xffff;
const MESSAGE_MAX = 32 * 1024 * 1024;

/** Cuts what comes over a connection into messages: first the handshake, then chunks. */
export class BoltReader {
  #bytes: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  #size = 0;

  push(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
  }

  /** The answer to the handshake, once it is here: the version, or zeros when the client speaks none of ours. */
  handshake(): Buffer | undefined {
    if (this.#bytes.length < 20) return undefined;
    const head = this.#take(20);
    if (head.readUInt32BE(0) !== MAGIC) throw new Error("no Bolt");
    for (let at = 4; at < 20; at += 4) {
      const [, range = 0, minor = 0, major = 0] = head.subarray(at, at + 4);
      if (major === MAJOR && minor >= MINOR && minor - range <= MINOR) {
        return Buffer.from([0, 0, MINOR, MAJOR]);
      }
    }
    return Buffer.alloc(4);
  }

  /** The next whole message. */
  message(): PackStructure | undefined {
    while (this.#bytes.length >= 2) {
      const size = this.#bytes.readUInt16BE(0);
      if (this.#bytes.length < 2 + size) return undefined;
      this.#take(2);
      if (size > 0) {
        this.#size += size;
        if (this.#size > MESSAGE_MAX) throw new Error("message too large");
        this.#chunks.push(this.#take(size));
        continue;
      }
      // An empty chunk ends a message; without one before it, it only keeps the connection alive.
      if (this.#chunks.length === 0) continue;
      const whole = Buffer.concat(this.#chunks);
      this.#chunks = [];
      this.#size = 0;
      return unpackStructure(whole);
    }
    return undefined;
  }

  #take(size: number): Buffer {
    const taken = this.#bytes.subarray(0, size);
    this.#bytes = this.#bytes.subarray(size);
    return taken;
  }
}

/** A message in chunks. */
export function boltMessage(tag: number, ...fields: readonly PackValue[]): Buffer {
  const bytes = packStructure({ tag, fields });
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_MAX) {
    const chunk = bytes.subarray(at, at + CHUNK_MAX);
    parts.push(Buffer.from([chunk.length >> 8, chunk.length & 0xff]), chunk);
  }
  return Buffer.concat([...parts, Buffer.alloc(2)]);
}
