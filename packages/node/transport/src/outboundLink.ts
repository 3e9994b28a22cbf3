import type { Backoff } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import { assertPlaced, decodeFrame, encodeFrame } from "@annals/wire";
import type { Frame, HelloFrame, LinkPlace, WelcomeFrame } from "@annals/wire";
import type { RawData, WebSocket } from "ws";
import { CLOSE_PROTOCOL, CLOSE_REFUSED, PEER_GONE } from "./protocol.ts";
import type { LinkFault } from "./protocol.ts";
import { dial, inboundFault, ownBytes } from "./websocket.ts";

export interface OutboundLinkOptions {
  /** `ws://host:port/v1/peer`. */
  readonly url: string;
  /** Made anew for every attempt: what a node says of itself changes when its cluster is born. */
  readonly hello: () => Omit<HelloFrame, "kind" | "epoch">;
  readonly maxMessageBytes: number;
  /** For the connection, and again for the peer's answer to the hello. */
  readonly handshakeTimeoutMs: number;
  readonly backoff: Backoff;
  /** Called when the peer has accepted us. Throws an AnnalsError to refuse the peer in turn. */
  readonly onOpen: (welcome: WelcomeFrame) => void;
  readonly onFrame: (frame: Frame) => void;
  /** The link is down, and will be dialled again unless closed. */
  readonly onDown: (fault: LinkFault) => void;
}

/**
 * A link that this side dials, and dials again with backoff until it is closed. Each connection has an epoch; whatever an older epoch's
 * callbacks still bring is ignored.
 */
export class OutboundLink {
  readonly #options: OutboundLinkOptions;
  #socket: WebSocket | undefined;
  #open = false;
  #closed = false;
  #epoch = 0;
  /** From where frames of the present connection come. */
  #place: LinkPlace = "control:acceptor";
  /** Runs from a drop to the next attempt. */
  #redial: NodeJS.Timeout | undefined;
  /** Runs from the hello to the welcome: a peer that froze in between, or lost its power, would be waited for as long as TCP does. */
  #welcomeTimer: NodeJS.Timeout | undefined;

  constructor(options: OutboundLinkOptions) {
    this.#options = options;
    this.#dial();
  }

  /** Whether the handshake is done and frames may be sent. */
  get open(): boolean {
    return this.#open;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Bytes handed to the socket and not yet to the kernel. */
  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Sends an encoded frame; `onFlushed` runs when the kernel has it. Returns false when the link is not open. */
  send(bytes: Uint8Array, onFlushed?: () => void): boolean {
    if (!this.#open || this.#socket === undefined) return false;
    this.#socket.send(bytes, () => onFlushed?.());
    return true;
  }

  ping(): void {
    if (this.#open) this.#socket?.ping();
  }

  onPong: (() => void) | undefined;

  /** The peer shows progress: the next drop is dialled again at once. */
  progress(): void {
    this.#options.backoff.progress();
  }

  /** Dials now what is waiting to be dialled again: there is reason to believe that the peer answers. */
  redialNow(): void {
    if (this.#redial === undefined) return;
    clearTimeout(this.#redial);
    this.#dial();
  }

  /** Drops the connection and dials anew. */
  fail(fault: LinkFault, closeCode: number): void {
    this.#socket?.close(closeCode, fault.code);
    this.#down(this.#epoch, fault);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#open = false;
    clearTimeout(this.#redial);
    this.#redial = undefined;
    clearTimeout(this.#welcomeTimer);
    this.#epoch++;
    this.#socket?.close(1001);
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  #dial(): void {
    this.#redial = undefined;
    const epoch = ++this.#epoch;
    const socket = dial(
      this.#options.url,
      this.#options.maxMessageBytes,
      this.#options.handshakeTimeoutMs,
    );
    this.#socket = socket;
    const current = () => epoch === this.#epoch;
    socket.on("open", () => {
      if (!current()) return;
      const hello = this.#options.hello();
      this.#place = `${hello.purpose}:acceptor`;
      socket.send(encodeFrame({ kind: "hello", epoch, ...hello }));
      this.#awaitWelcome(epoch);
    });
    socket.on("message", (data) => {
      if (current()) this.#message(epoch, data);
    });
    socket.on("pong", () => {
      if (current()) this.onPong?.();
    });
    socket.on("error", (error: Error & { code?: string }) => {
      const code = error.code === "ECONNREFUSED" ? PEER_GONE : "ERR_UNREACHABLE";
      this.#down(epoch, inboundFault(error) ?? { code, reason: error.message });
    });
    socket.on("close", (code, reason) => {
      const text = reason.toString("utf8");
      this.#down(epoch, {
        code: text.startsWith("ERR_") ? text : "ERR_LINK_CLOSED",
        reason: `closed with ${code}`,
      });
    });
  }

  #awaitWelcome(epoch: number): void {
    const { handshakeTimeoutMs } = this.#options;
    const reason = `no welcome for ${handshakeTimeoutMs} ms`;
    this.#welcomeTimer = setTimeout(
      () => this.#down(epoch, { code: "ERR_LINK_SILENT", reason }),
      handshakeTimeoutMs,
    );
  }

  #message(epoch: number, data: RawData): void {
    try {
      const frame = decodeFrame(ownBytes(data));
      if (frame.kind === "refuse") this.#down(epoch, frame);
      else if (this.#open) this.#take(frame);
      else if (frame.kind === "welcome") this.#welcomed(frame);
      else throw new AnnalsError("ERR_FRAME_UNEXPECTED", `frame ${frame.kind} before the welcome`);
    } catch (error) {
      if (!(error instanceof AnnalsError)) throw error;
      this.#socket?.close(
        error.code === "ERR_PEER_MISMATCH" ? CLOSE_REFUSED : CLOSE_PROTOCOL,
        error.code,
      );
      this.#down(epoch, { code: error.code, reason: error.message });
    }
  }

  #take(frame: Frame): void {
    assertPlaced(frame, this.#place);
    this.#options.onFrame(frame);
  }

  #welcomed(frame: WelcomeFrame): void {
    clearTimeout(this.#welcomeTimer);
    this.#open = true;
    this.#options.onOpen(frame);
  }

  #down(epoch: number, fault: LinkFault): void {
    if (epoch !== this.#epoch || this.#closed) return;
    clearTimeout(this.#welcomeTimer);
    // Whatever this connection still reports is stale from here on.
    this.#epoch++;
    this.#open = false;
    this.#socket?.terminate();
    this.#socket = undefined;
    this.#redial = setTimeout(() => this.#dial(), this.#options.backoff.nextMs());
    this.#options.onDown(fault);
  }
}
