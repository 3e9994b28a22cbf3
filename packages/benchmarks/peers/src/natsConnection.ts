import { connect } from "node:net";
import type { Socket } from "node:net";

const CR = 0x0d;
const LETTER_M = 0x4d;
const LETTER_P = 0x50;
const LETTER_I = 0x49;

/** One connection that speaks the text protocol of NATS; what is sent in one turn is one write. */
export class NatsConnection {
  readonly #socket: Socket;
  readonly #onMessage: (subject: string, payload: Buffer) => void;
  #out: Uint8Array[] = [];
  #rest: Buffer = Buffer.alloc(0);
  readonly #ready = Promise.withResolvers<void>();

  /** `onMessage` is told whatever comes for its subscriptions; `payload` is a view. */
  constructor(
    address: string,
    onMessage: (subject: string, payload: Buffer) => void,
    onClose: () => void = () => undefined,
  ) {
    const [host = "", port = ""] = address.split(":");
    this.#onMessage = onMessage;
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket.on("data", (chunk) => this.#received(chunk));
    this.#socket.on("error", (error) => this.#ready.reject(error));
    this.#socket.once("close", onClose);
    this.#ready.promise.catch(() => undefined);
    this.write(
      Buffer.from('CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\nPING\r\n'),
    );
  }

  /** Resolves when the server has answered for the first time. */
  opened(): Promise<void> {
    return this.#ready.promise;
  }

  write(bytes: Uint8Array): void {
    if (this.#out.length === 0)
      process.nextTick(() => {
        this.#socket.write(Buffer.concat(this.#out));
        this.#out = [];
      });
    this.#out.push(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (let end = this.#take(bytes, at); end !== undefined; end = this.#take(bytes, at)) at = end;
    this.#rest = bytes.subarray(at);
  }

  /** Handles what begins at `at`; returns where it ends, or undefined when it is not whole. */
  #take(bytes: Buffer, at: number): number | undefined {
    const line = bytes.indexOf(CR, at);
    if (line === -1 || line + 2 > bytes.length) return undefined;
    const end = line + 2;
    if (bytes[at] !== LETTER_M && bytes[at + 1] !== 0x4d) {
      if (bytes[at] === LETTER_P && bytes[at + 1] === LETTER_I) this.write(Buffer.from("PONG\r\n"));
      else if (bytes[at] === LETTER_P) this.#ready.resolve();
      return end;
    }
    // MSG subject sid [reply] bytes, or HMSG with the bytes of headers before those of all.
    const words = bytes.toString("latin1", at, line).split(" ");
    const length = Number(words.at(-1));
    if (bytes.length < end + length + 2) return undefined;
    this.#onMessage(words[1] ?? "", bytes.subarray(end, end + length));
    return end + length + 2;
  }
}
