import type { Duplex } from "node:stream";

const OPCODE_TEXT = 0x81;
const OPCODE_BINARY = 0x82;
/** Payloads above have a length of 16 bits, and from 64 KiB on one of 64 (RFC 6455 §5.2). */
const SHORT_MAX = 125;
const MEDIUM_MAX = 0xffff;

/**
 * What is written to one client in one turn of the event loop goes out in one system call: the answers of a batch come together, and a call
 * for each of them took a third of the gateway's CPU. Small messages are framed here and become one buffer, since ws writes a header and a
 * payload for each; its own frames, of pages and of the close, stay in order with them.
 */
export class TurnWrites {
  readonly #connection: Duplex;
  readonly #opcode: number;
  /** Behind a close nothing may follow. */
  readonly #isOpen: () => boolean;
  #corked = false;
  #frames: Uint8Array[] = [];
  #whenTaken: (() => void)[] = [];

  constructor(connection: Duplex, binary: boolean, isOpen: () => boolean) {
    this.#connection = connection;
    this.#isOpen = isOpen;
    this.#opcode = binary ? OPCODE_BINARY : OPCODE_TEXT;
  }

  /** A whole message. `whenTaken` is called once, whatever happens. */
  add(parts: readonly Uint8Array[], whenTaken: () => void): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    this.#frames.push(frameHeader(this.#opcode, length), ...parts);
    this.#whenTaken.push(whenTaken);
    this.#cork();
  }

  /** Called before ws writes a frame: those of before go first. */
  hold(): void {
    this.#cork();
    this.#write();
  }

  /** Called before a close. */
  flush(): void {
    this.#write();
    if (!this.#corked) return;
    this.#corked = false;
    this.#connection.uncork();
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#connection.cork();
    setImmediate(() => this.flush());
  }

  #write(): void {
    if (this.#frames.length === 0) return;
    const [frames, whenTaken] = [this.#frames, this.#whenTaken];
    this.#frames = [];
    this.#whenTaken = [];
    const taken = (): void => {
      for (const one of whenTaken) one();
    };
    if (this.#isOpen()) this.#connection.write(Buffer.concat(frames), taken);
    else taken();
  }
}

/** Of an unmasked message in one frame, as servers send it. */
function frameHeader(opcode: number, length: number): Uint8Array {
  if (length <= SHORT_MAX) return Uint8Array.of(opcode, length);
  if (length <= MEDIUM_MAX) return Uint8Array.of(opcode, 126, length >> 8, length & 0xff);
  const header = Buffer.alloc(10);
  header[0] = opcode;
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}
