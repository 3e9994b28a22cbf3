import type { Duplex } from "node:stream";
import {
  BUFFERED_BYTES_MAX,
  Gauge,
  HELLO_BYTES_MAX,
  LINK_FRAMES_MAX,
  PauseGate,
} from "@annals/flow";
import type { GaugeFamily, GaugeReading, PauseListener, Release } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import { decodeFrame, encodeFrame } from "@annals/wire";
import type { Frame, HelloFrame } from "@annals/wire";
import type { RawData, WebSocket } from "ws";
import { CLOSE_PROTOCOL, CLOSE_REFUSED } from "./protocol.ts";
import type { LinkFault } from "./protocol.ts";
import { ReadChunks } from "./readChunks.ts";
import { inboundFault, ownBytes } from "./websocket.ts";

/** What an accepted link hands its frames to. */
export interface InboundHandler {
  /** Frames are answered with `welcome` first, then with whatever follows. */
  readonly greeting: readonly Frame[];
  /** A frame as received, in memory of its own; untrusted. */
  readonly onBytes: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly onClose: (fault: LinkFault) => void;
  /** Bytes that the peer may leave unread before its link ends; default 1 MiB. */
  readonly maxUnreadBytes?: number;
  /** Counts what the peer has not read, over all links. */
  readonly unread?: GaugeFamily;
}

export interface InboundLinkOptions {
  readonly socket: WebSocket;
  /** The connection below the socket: what it brings before the hello is bounded. */
  readonly connection: Pick<Duplex, "on" | "off" | "cork" | "uncork">;
  /** Decides about the peer; throws an AnnalsError to refuse it, whose code both sides will log. */
  readonly onHello: (hello: HelloFrame, link: InboundLink) => InboundHandler;
  /** The peer never became a peer, or broke the protocol. */
  readonly onFault: (fault: LinkFault) => void;
  readonly helloTimeoutMs: number;
  /** Bytes handed on and not yet let go of before the socket is paused: reason `worker-lane`. So it is at `LINK_FRAMES_MAX` frames. */
  readonly maxQueueBytes: number;
  /** Counts the pauses of all links. */
  readonly pauses?: PauseListener;
  /** Counts the frames handed on, over all links. */
  readonly frames?: GaugeFamily;
}

const CLOSE_TIMEOUT_MS = 1000;

/** The accepting side of a link, in the gateway: checks the hello, hands frames on, stops the socket of a peer that exceeds its credit. */
export class InboundLink {
  readonly #options: InboundLinkOptions;
  readonly #queue: Gauge;
  readonly #frames: Gauge;
  readonly gate: PauseGate;
  readonly #helloTimer: NodeJS.Timeout;
  #handler: InboundHandler | undefined;
  #hold: Release | undefined;
  #helloBytes = 0;
  #unread: Gauge | undefined;
  readonly #chunks = new ReadChunks();
  #closed = false;

  constructor(options: InboundLinkOptions) {
    const { socket } = options;
    this.#options = options;
    this.#queue = new Gauge(options.maxQueueBytes);
    this.#frames = new Gauge(LINK_FRAMES_MAX, options.frames);
    this.gate = new PauseGate(
      () => socket.pause(),
      () => socket.resume(),
      options.pauses,
    );
    this.#helloTimer = setTimeout(() => {
      this.#refuse(
        new AnnalsError("ERR_HELLO_TIMEOUT", `no hello within ${options.helloTimeoutMs} ms`),
      );
    }, options.helloTimeoutMs);
    options.connection.on("data", this.#countHello);
    options.connection.on("data", this.#read);
    socket.on("message", (data, isBinary) => this.#message(data, isBinary));
    socket.on("error", (error) => {
      this.#end(inboundFault(error) ?? { code: "ERR_LINK_CLOSED", reason: error.message });
    });
    socket.on("close", (code) =>
      this.#end({ code: "ERR_LINK_CLOSED", reason: `closed with ${code}` }),
    );
  }

  /** Until the hello a stranger speaks: a frame of the full size would cost anybody's connection that much memory. */
  readonly #countHello = (chunk: Uint8Array): void => {
    this.#helloBytes += chunk.length;
    if (this.#helloBytes <= HELLO_BYTES_MAX || this.#handler !== undefined) return;
    const reason = `more than ${HELLO_BYTES_MAX} bytes before a hello`;
    this.close({ code: "ERR_FRAME_TOO_LARGE", reason });
    this.#options.socket.terminate();
  };

  readonly #read = (chunk: Uint8Array): void => this.#chunks.read(chunk);

  gauge(): GaugeReading {
    return this.#queue.read();
  }

  /** Bytes that were sent and that the kernel has not taken: the peer does not read. */
  get bufferedBytes(): number {
    return this.#options.socket.bufferedAmount;
  }

  get #full(): boolean {
    return this.#queue.full || this.#frames.full;
  }

  get #maxUnreadBytes(): number {
    return this.#handler?.maxUnreadBytes ?? BUFFERED_BYTES_MAX;
  }

  /** In one system call, which wakes the peer once. */
  sendTogether(frames: readonly Uint8Array[]): void {
    const { connection } = this.#options;
    connection.cork();
    for (const frame of frames) this.send(frame);
    connection.uncork();
    // Until now nothing could leave: what was seen above was all of it.
    if (!this.#closed) this.#unread?.set(this.bufferedBytes);
  }

  /** A peer that leaves so much unread has stopped, and its link ends: acknowledgements and credit are small. */
  send(bytes: Uint8Array): void {
    if (this.#closed) return;
    const { socket } = this.#options;
    socket.send(bytes);
    this.#unread?.set(socket.bufferedAmount);
    if (socket.bufferedAmount <= this.#maxUnreadBytes) return;
    const reason = `the peer left ${socket.bufferedAmount} bytes of answers unread`;
    this.close({ code: "ERR_LINK_CONGESTED", reason });
    // Whoever reads nothing does not answer the close handshake either, and its bytes would wait as long.
    socket.terminate();
  }

  /** So many frames of what `onBytes` got, of so many bytes together, are done with. */
  release(bytes: number, frames = 1): void {
    if (this.#closed) return;
    this.#queue.remove(bytes);
    this.#frames.remove(frames);
    if (this.#full) return;
    this.#hold?.();
    this.#hold = undefined;
  }

  /** Ends the link with a named reason. Idempotent. */
  close(fault: LinkFault): void {
    if (this.#closed) return;
    this.#options.socket.close(CLOSE_PROTOCOL, fault.code);
    this.#end(fault);
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#closed) return;
    try {
      if (!isBinary) throw new AnnalsError("ERR_FRAME_MALFORMED", "a text frame on a peer link");
      const bytes = ownBytes(data);
      this.#chunks.message(bytes);
      if (this.#handler === undefined) this.#hello(decodeFrame(bytes));
      else this.#accept(this.#handler, bytes);
    } catch (error) {
      if (!(error instanceof AnnalsError)) throw error;
      if (this.#handler === undefined) this.#refuse(error);
      else this.close({ code: error.code, reason: error.message });
    }
  }

  #accept(handler: InboundHandler, bytes: Uint8Array<ArrayBuffer>): void {
    this.#queue.add(bytes.length);
    this.#frames.add(1);
    if (this.#full) this.#hold ??= this.gate.hold("worker-lane");
    handler.onBytes(bytes);
  }

  #hello(frame: Frame): void {
    if (frame.kind !== "hello")
      throw new AnnalsError("ERR_FRAME_UNEXPECTED", `frame ${frame.kind} before the hello`);
    const handler = this.#options.onHello(frame, this);
    clearTimeout(this.#helloTimer);
    this.#options.connection.off("data", this.#countHello);
    this.#handler = handler;
    this.#unread = handler.unread?.gauge(this.#maxUnreadBytes);
    for (const greeting of handler.greeting) this.send(encodeFrame(greeting));
  }

  #refuse(error: AnnalsError): void {
    this.send(encodeFrame({ kind: "refuse", code: error.code, reason: error.message }));
    this.#options.socket.close(CLOSE_REFUSED, error.code);
    this.#end({ code: error.code, reason: error.message });
  }

  /** A peer that does not answer the close handshake must not keep the socket. */
  #terminateSoon(): void {
    const { socket } = this.#options;
    if (socket.readyState === socket.CLOSED) return;
    const timer = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS);
    timer.unref();
    socket.once("close", () => clearTimeout(timer));
  }

  #end(fault: LinkFault): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#helloTimer);
    this.#options.connection.off("data", this.#countHello);
    this.#options.connection.off("data", this.#read);
    this.#chunks.close();
    this.#unread?.set(0);
    this.#frames.set(0);
    this.gate.close();
    // Nothing of it is handed on any more, but the close handshake has to be read: whoever dialled would hear of the end much later.
    this.#options.socket.resume();
    this.#terminateSoon();
    if (this.#handler === undefined) this.#options.onFault(fault);
    else this.#handler.onClose(fault);
  }
}
