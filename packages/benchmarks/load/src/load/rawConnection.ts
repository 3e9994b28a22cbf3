import { connect } from "node:net";
import type { Socket } from "node:net";

/** As it came. */
export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

interface Asked {
  readonly resolve: (answer: RawAnswer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One kept HTTP connection with one request on its way at a time, written and read by hand: a library would cost more than the server that
 * is measured. Knows answers with a Content-Length only, which is what appends get. Dials again when the server has closed it.
 */
export class RawConnection {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #received = "";
  #asked: Asked | undefined;

  /** `address` is `host:port`. */
  constructor(address: string) {
    const at = address.lastIndexOf(":");
    this.#host = address.slice(0, at);
    this.#port = Number(address.slice(at + 1));
  }

  /** Sends a whole request, head and body. Rejects when the connection ends first. */
  ask(request: Uint8Array): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject };
      const socket = this.#socket ?? this.#dial();
      socket.write(request);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #dial(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    this.#socket = socket;
    this.#received = "";
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#onData(socket, text));
    socket.on("error", () => undefined);
    socket.once("close", () => {
      // One that was let go of has nobody waiting: what is asked now is asked elsewhere.
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#settle()?.reject(new Error("the connection ended"));
    });
    return socket;
  }

  #onData(socket: Socket, text: string): void {
    this.#received += text;
    const end = this.#received.indexOf("\r\n\r\n");
    if (end === -1) return;
    const head = this.#received.slice(0, end).toLowerCase();
    const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? "0");
    if (this.#received.length < end + 4 + length) return;
    const body = this.#received.slice(end + 4, end + 4 + length);
    this.#received = "";
    if (head.includes("\r\nconnection: close")) {
      this.#socket = undefined;
      socket.destroy();
    }
    this.#settle()?.resolve({ status: Number(head.slice(9, 12)), body });
  }

  #settle(): Asked | undefined {
    const asked = this.#asked;
    this.#asked = undefined;
    return asked;
  }
}
