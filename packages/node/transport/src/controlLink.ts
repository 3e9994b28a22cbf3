import { BUFFERED_BYTES_MAX } from "@annals/flow";
import type { Backoff, Gauge, GaugeFamily } from "@annals/flow";
import { encodeFrame } from "@annals/wire";
import type { Frame, HelloFrame, WelcomeFrame } from "@annals/wire";
import type { ClockQuestions } from "./clockQuestions.ts";
import { OutboundLink } from "./outboundLink.ts";
import type { LinkFault } from "./protocol.ts";

export interface ControlLinkOptions {
  readonly url: string;
  readonly hello: () => Omit<HelloFrame, "kind" | "epoch">;
  readonly maxMessageBytes: number;
  /** Counts what waits to be sent, over all links. */
  readonly buffered?: GaugeFamily;
  readonly handshakeTimeoutMs: number;
  readonly backoff: Backoff;
  /** Asks what time it is at the other end, when the link opens and with every ping. */
  readonly clock: ClockQuestions;
  readonly onOpen: (welcome: WelcomeFrame) => void;
  readonly onFrame: (frame: Frame) => void;
  /** `silentMs`: how long ago the peer was last heard of. */
  readonly onDown: (fault: LinkFault, silentMs: number) => void;
}

const PING_INTERVAL_MS = 1000;
/** Without a pong for so long the connection is dead, whatever TCP believes. */
const PONG_TIMEOUT_MS = 5000;

/**
 * One node's messages to another: heartbeats of all logs, votes, reads. What gathers in one turn leaves as one frame. Never paused, bounded
 * by dropping.
 */
export class ControlLink {
  readonly #link: OutboundLink;
  #parcels: { logId: number; bytes: Uint8Array }[] = [];
  #parcelBytes = 0;
  #flushScheduled = false;
  #dropped = 0;
  readonly #buffered: Gauge | undefined;
  readonly #clock: ClockQuestions;
  #lastPongMs = performance.now();
  readonly #pinger: NodeJS.Timeout;

  constructor(options: ControlLinkOptions) {
    this.#buffered = options.buffered?.gauge(BUFFERED_BYTES_MAX);
    this.#clock = options.clock;
    this.#link = new OutboundLink({
      ...options,
      onDown: (fault) => {
        this.#buffered?.set(0);
        options.onDown(fault, performance.now() - this.#lastPongMs);
      },
      onOpen: (welcome) => {
        this.#lastPongMs = performance.now();
        this.#link.progress();
        // Before any vote is asked for: whoever is elected has heard what time it is.
        this.sendFrame(this.#clock.next());
        options.onOpen(welcome);
      },
      onFrame: (frame) => {
        if (frame.kind === "tellTime") this.#clock.answered(frame);
        else options.onFrame(frame);
      },
    });
    this.#link.onPong = () => {
      this.#lastPongMs = performance.now();
    };
    this.#pinger = setInterval(() => this.#ping(), PING_INTERVAL_MS);
    this.#pinger.unref();
  }

  get open(): boolean {
    return this.#link.open;
  }

  /** Parcels dropped because the peer was away or did not read. */
  get dropped(): number {
    return this.#dropped;
  }

  send(logId: number, bytes: Uint8Array): void {
    if (!this.#link.open || this.#link.bufferedBytes + this.#parcelBytes > BUFFERED_BYTES_MAX) {
      this.#dropped++;
      return;
    }
    this.#parcels.push({ logId, bytes });
    this.#parcelBytes += bytes.length;
    this.#buffered?.set(this.#link.bufferedBytes + this.#parcelBytes);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => this.#flush());
  }

  /** Sends a frame of its own, such as a birth certificate. */
  sendFrame(frame: Frame): void {
    this.#link.send(encodeFrame(frame));
  }

  close(): void {
    clearInterval(this.#pinger);
    this.#link.close();
    this.#buffered?.set(0);
  }

  #flush(): void {
    this.#flushScheduled = false;
    const parcels = this.#parcels;
    this.#parcels = [];
    this.#parcelBytes = 0;
    const sent = this.#link.send(encodeFrame({ kind: "control", parcels }), () => this.#measure());
    if (!sent) this.#dropped += parcels.length;
    this.#measure();
  }

  #measure(): void {
    this.#buffered?.set(this.#link.open ? this.#link.bufferedBytes + this.#parcelBytes : 0);
  }

  #ping(): void {
    if (!this.#link.open) return;
    if (performance.now() - this.#lastPongMs > PONG_TIMEOUT_MS) {
      this.#link.fail(
        { code: "ERR_LINK_SILENT", reason: `no pong for ${PONG_TIMEOUT_MS} ms` },
        1001,
      );
      return;
    }
    this.#link.ping();
    if (this.#link.bufferedBytes <= BUFFERED_BYTES_MAX) this.sendFrame(this.#clock.next());
  }
}
