import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { BenchError } from "../benchError.ts";

const OPCODE_MORE = 0;
const OPCODE_BINARY = 2;
const OPCODE_CLOSE = 8;
const OPCODE_PING = 9;
const OPCODE_PONG = 10;
const FIN = 0x80;
const MASKED = 0x80;
/** Pieces of fewer bytes together are copied into one write. */
const COPY_BYTES_MAX = 128 * 1024;
const MESSAGE_BYTES_MAX = 256 * 2 ** 20;

/**
 * The client end of a WebSocket, by hand: whatever was sent in one turn is one write, and frames are sent as they were built ahead. A
 * library, which makes an object, an event and a write of each message, would cost more than the server that is measured.
 */
export class FrameSocket {
  readonly #socket: Socket;
  readonly #onMessage: (payload: Buffer) => void;
  #out: Uint8Array[] = [];
  #outBytes = 0;
  #in: Buffer[] = [];
  #inBytes = 0;
  /** Of a message in several frames, those that have come. */
  #parts: Buffer[] = [];
  /** Bytes that must be there before it is worth looking again. */
  #needBytes = 2;

  private constructor(socket: Socket, head: Buffer, onMessage: (payload: Buffer) => void) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#received(chunk));
    // `close` follows.
    socket.on("error", () => undefined);
    if (head.length === 0) return;
    // Whoever connects must have this object before its first message comes.
    this.#in.push(head);
    this.#inBytes = head.length;
    setImmediate(() => this.#received(Buffer.alloc(0)));
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

  #received(chunk: Buffer): void {
    this.#in.push(chunk);
    this.#inBytes += chunk.length;
    // A large message comes in many chunks: they are joined once.
    if (this.#inBytes < this.#needBytes) return;
    const bytes = this.#in.length === 1 ? chunk : Buffer.concat(this.#in, this.#inBytes);
    const rest = bytes.subarray(this.#takeFrames(bytes));
    this.#in = rest.length === 0 ? [] : [rest];
    this.#inBytes = rest.length;
  }

  /** Handles the whole frames at the beginning of `bytes`; returns where they end. */
  #takeFrames(bytes: Buffer): number {
    for (let at = 0; ; ) {
      this.#needBytes = 2;
      if (bytes.length - at < 2) return at;
      const short = bytes.readUInt8(at + 1);
      const begin = at + (short === 127 ? 10 : short === 126 ? 4 : 2);
      this.#needBytes = begin - at;
      if (bytes.length < begin) return at;
      const length =
        short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : short;
      if (length > MESSAGE_BYTES_MAX) {
        this.close();
        return bytes.length;
      }
      this.#needBytes += length;
      if (bytes.length < begin + length) return at;
      this.#frame(bytes.readUInt8(at), bytes.subarray(begin, begin + length));
      at = begin + length;
    }
  }

  #frame(first: number, payload: Buffer): void {
    switch (first) {
      case FIN | OPCODE_BINARY:
        this.#onMessage(payload);
        return;
      case OPCODE_BINARY:
      case OPCODE_MORE:
        this.#parts.push(payload);
        return;
      case FIN | OPCODE_MORE:
        this.#onMessage(Buffer.concat([...this.#parts, payload]));
        this.#parts = [];
        return;
      case FIN | OPCODE_PING:
        this.send(frameHeader(payload.length, OPCODE_PONG), payload);
        return;
      case FIN | OPCODE_PONG:
        return;
      case FIN | OPCODE_CLOSE:
      default:
        this.close();
    }
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
