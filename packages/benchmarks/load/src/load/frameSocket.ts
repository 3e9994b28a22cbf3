import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { BenchError } from "../benchError.ts";
import { FrameReader } from "./frameReader.ts";

const OPCODE_BINARY = 2;
const OPCODE_PING = 9;
const OPCODE_PONG = 10;
const FIN = 0x80;
const MASKED = 0x80;
/** Pieces of fewer bytes together are copied into one write. */
const COPY_BYTES_MAX = 128 * 1024;

/**
 * The client end of a WebSocket, by hand: whatever was sent in one turn is one write, and frames are sent as they were built ahead. A
 * library, which makes an object, an event and a write of each message, would cost more than the server that is measured.
 */
export class FrameSocket {
  readonly #socket: Socket;
  #out: Uint8Array[] = [];
  #outBytes = 0;

  private constructor(socket: Socket, head: Buffer, onMessage: (payload: Buffer) => void) {
    this.#socket = socket;
    const reader = new FrameReader({
      onMessage,
      onControl: (first, payload) => this.#control(first, payload),
      onTooLarge: () => this.close(),
    });
    socket.setNoDelay(true);
    reader.take(head);
    socket.on("data", (chunk) => {
      reader.take(chunk);
      reader.read();
    });
    // `close` follows.
    socket.on("error", () => undefined);
    // Whoever connects must have this object before its first message comes.
    setImmediate(() => reader.read());
  }

  /** `address` is `host:port`. Rejects when the server does not switch to the protocol. */
  static async connect(
    address: string,
    path: string,
    protocol: string,
    handlers: { readonly onMessage: (payload: Buffer) => void; readonly onClose: () => void },
  ): Promise<FrameSocket> {
    const asked = request(`http://${address}${path}`, {
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString(
          "base64",
        ),
        "sec-websocket-protocol": protocol,
      },
    });
    asked.once("response", (answer: IncomingMessage) => {
      asked.destroy(
        new BenchError("ERR_BENCH_CONNECT", `${address}${path} answered ${answer.statusCode}`),
      );
    });
    asked.end();
    const [, socket, head] = (await once(asked, "upgrade")) as [IncomingMessage, Socket, Buffer];
    socket.once("close", handlers.onClose);
    return new FrameSocket(socket, head, handlers.onMessage);
  }

  /** One message: `header` is what `frameHeader` made for the bytes of `pieces`. They must not change before they are written. */
  send(header: Uint8Array, ...pieces: readonly Uint8Array[]): void {
    if (this.#out.length === 0) process.nextTick(() => this.#write());
    this.#out.push(header, ...pieces);
    this.#outBytes += header.length;
    for (const piece of pieces) this.#outBytes += piece.length;
  }

  /** Ends the connection at once. Idempotent. */
  close(): void {
    this.#out = [];
    this.#socket.destroy();
  }

  #write(): void {
    const pieces = this.#out;
    const bytes = this.#outBytes;
    this.#out = [];
    this.#outBytes = 0;
    if (pieces.length === 0 || this.#socket.destroyed) return;
    if (bytes <= COPY_BYTES_MAX) {
      this.#socket.write(Buffer.concat(pieces, bytes));
      return;
    }
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
  }

  #control(first: number, payload: Buffer): void {
    if (first === (FIN | OPCODE_PONG)) return;
    if (first !== (FIN | OPCODE_PING)) {
      this.close();
      return;
    }
    // The bytes are the reader's, and this is written later.
    const copy = Buffer.from(payload);
    this.send(frameHeader(copy.length, OPCODE_PONG), copy);
  }
}

/** The header of a whole message of `length` bytes, masked by zeroes: a client must mask, and zeroes leave the bytes as they are. */
export function frameHeader(length: number, opcode: number = OPCODE_BINARY): Uint8Array {
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = Buffer.alloc(2 + lengthBytes + 4);
  header[0] = FIN | opcode;
  header[1] = MASKED | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) header.writeUInt16BE(length, 2);
  if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}
