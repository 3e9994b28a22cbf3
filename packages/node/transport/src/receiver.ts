import { Gauge, once, PauseGate } from "@annals/flow";
import type { Credit, GaugeReading, Ledger, Release } from "@annals/flow";
import type { Message } from "@annals/raft";
import type { AnnalsError } from "@annals/record";
import type { Receipt } from "@annals/replica";
import { assertPlaced, decodeFrame, PeerMessageReader } from "@annals/wire";
import type { Frame, LinkEnds } from "@annals/wire";
import { SlicedFrame } from "./slicedFrame.ts";
import { BlobIntake } from "./blobIntake.ts";
import type { BlobIntakeOptions } from "./blobIntake.ts";

export interface ReceiveLimits {
  /** Entries decoded and not yet stepped before decoding pauses (`event-queue`). */
  readonly eventHighWaterMark: number;
  /** Bytes from the socket until they are durable. */
  readonly maxQueueBytes: number;
  /** Entries handed to storage and not yet flushed (`commit-backlog`). */
  readonly maxCommitBacklog: number;
  /** Milliseconds of decoding before other work gets its turn. */
  readonly yieldAfterMs: number;
}

/** What the leader may send before anything of it is let go of. */
export function receiveWindow(limits: ReceiveLimits): Credit {
  return {
    entries: limits.eventHighWaterMark + limits.maxCommitBacklog,
    bytes: limits.maxQueueBytes,
  };
}

export interface ReceiverOptions {
  /** The gauges of the thread, which those of this link report to. */
  readonly ledger?: Ledger;
  readonly limits: ReceiveLimits;
  readonly ends: LinkEnds;
  readonly blobs: Omit<BlobIntakeOptions, "gate">;
  /** Hands messages to the replica, which tells how far it is with all of them. */
  readonly deliver: (messages: readonly Message[], receipt: Receipt) => void;
  readonly sendGrant: (credit: Credit) => void;
  /** The socket's bytes are accounted by the gateway too: it may let go of so many. */
  readonly onReleased: (bytes: number) => void;
  /** The peer broke the protocol: the link has to go. */
  readonly onFault: (error: AnnalsError) => void;
  readonly now: () => number;
}

/**
 * The follower's side of a data link, in the worker: raw frames wait here until the replica has room, decoded a slice at a time, also
 * within a frame. Bytes count from the socket until the flush of the last slice of their frame, and every byte that is let go is granted
 * to the leader again. Nothing queued is delivered after `close`.
 *
 * Decoding pauses only for work that is already here (steps and flushes), never for something that a later frame would bring.
 */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #frames: Uint8Array[] = [];
  /** The frame that is decoded in part. */
  #open: SlicedFrame | undefined;
  readonly #bytes: Gauge;
  readonly #events: Gauge;
  readonly #backlog: Gauge;
  readonly #intake: BlobIntake;
  readonly gate: PauseGate;
  #decoding = false;
  #closed = false;
  #holdEvents: Release | undefined;
  #holdBacklog: Release | undefined;

  constructor(options: ReceiverOptions) {
    const { limits } = options;
    this.#options = options;
    const { ledger } = options;
    this.#bytes = new Gauge(limits.maxQueueBytes, ledger?.family("receive.link"));
    this.#events = new Gauge(limits.eventHighWaterMark, ledger?.family("receive.events"));
    this.#backlog = new Gauge(limits.maxCommitBacklog, ledger?.family("receive.backlog"));
    this.gate = new PauseGate(
      () => {},
      () => this.#schedule(),
      ledger,
    );
    this.#intake = new BlobIntake({ ...options.blobs, gate: this.gate });
    options.sendGrant(receiveWindow(limits));
  }

  gauges(): Readonly<Record<"bytes" | "events" | "backlog", GaugeReading>> {
    return {
      bytes: this.#bytes.read(),
      events: this.#events.read(),
      backlog: this.#backlog.read(),
    };
  }

  /** A frame as it came from the socket; untrusted. The receiver owns it from here. */
  onFrame(bytes: Uint8Array): void {
    if (this.#closed) {
      this.#options.onReleased(bytes.length);
      return;
    }
    this.#frames.push(bytes);
    this.#bytes.add(bytes.length);
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.gate.close();
    this.#intake.close();
    this.#letGo(this.#open?.giveUp(), 0);
    this.#open = undefined;
    for (const frame of this.#frames.splice(0)) this.#letGo(frame.length, 0);
  }

  #schedule(): void {
    if (this.#decoding || this.#closed) return;
    this.#decoding = true;
    setImmediate(() => {
      this.#decoding = false;
      this.#decode();
    });
  }

  #decode(): void {
    const until = this.#options.now() + this.#options.limits.yieldAfterMs;
    while (!this.#closed && !this.gate.paused) {
      if (!this.#decodeSome()) return;
      if (this.#options.now() >= until) {
        this.#schedule();
        return;
      }
    }
  }

  /** The next slice of a frame, or a frame of another kind; false when nothing is here. */
  #decodeSome(): boolean {
    const bytes = this.#open === undefined ? this.#frames.shift() : undefined;
    if (this.#open === undefined && bytes === undefined) return false;
    try {
      if (bytes !== undefined) this.#begin(bytes);
      if (this.#open !== undefined) this.#deliverSlice(this.#open);
    } catch (error) {
      // The session ends before anything that is queued behind the broken place can be delivered.
      this.close();
      this.#options.onFault(error as AnnalsError);
    }
    return true;
  }

  #begin(bytes: Uint8Array): void {
    const letGo = once(() => this.#letGo(bytes.length, 0));
    const { ends } = this.#options;
    try {
      const frame = decodeFrame(bytes);
      assertPlaced(frame, ends.place);
      if (frame.kind === "append")
        this.#open = new SlicedFrame(new PeerMessageReader(frame.bytes, ends), bytes.length);
      else this.#takeBlob(frame, letGo);
    } catch (error) {
      letGo();
      throw error;
    }
  }

  #takeBlob(frame: Frame, letGo: () => void): void {
    if (frame.kind === "blobChunk") {
      this.#intake.chunk(frame, letGo);
      return;
    }
    if (frame.kind === "blobOffer") this.#intake.offer(frame);
    letGo();
  }

  #deliverSlice(frame: SlicedFrame): void {
    const { messages, entries } = frame.next();
    if (frame.done) this.#open = undefined;
    this.#events.add(entries);
    if (this.#events.full) this.#holdEvents ??= this.gate.hold("event-queue");
    this.#options.deliver(messages, {
      stepped: () => this.#stepped(entries),
      durable: () => this.#durable(frame.sliceDone(), entries),
    });
  }

  #stepped(entries: number): void {
    this.#backlog.add(entries);
    if (this.#backlog.full) this.#holdBacklog ??= this.gate.hold("commit-backlog");
    this.#events.remove(entries);
    if (this.#events.full) return;
    this.#holdEvents?.();
    this.#holdEvents = undefined;
  }

  #durable(bytes: number | undefined, entries: number): void {
    this.#backlog.remove(entries);
    if (!this.#backlog.full) {
      this.#holdBacklog?.();
      this.#holdBacklog = undefined;
    }
    this.#letGo(bytes, entries);
  }

  /** Entries that are durable and, with the last ones of a frame, its bytes. */
  #letGo(bytes: number | undefined, entries: number): void {
    if (bytes !== undefined) {
      this.#bytes.remove(bytes);
      this.#options.onReleased(bytes);
    }
    const credit = { entries, bytes: bytes ?? 0 };
    if (!this.#closed && credit.entries + credit.bytes > 0) this.#options.sendGrant(credit);
  }
}
