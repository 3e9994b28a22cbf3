import { setTimeout as sleep } from "node:timers/promises";
import { splitStreamMessage, streamHead } from "@annals/wire";
import type { StreamFields } from "@annals/wire";
import { BenchError } from "../benchError.ts";
import type { BodyFormat } from "./bodies.ts";
import { FrameSocket, frameHeader } from "./frameSocket.ts";
import type { Carrier, OnSettled } from "./carrier.ts";
import { CONNECTION_LOST, notAccepted } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";

const PROTOCOL = "annals.v1.msgpack";
const PATH = "/v1/stream";
const REDIAL_MS = 100;
/** Appends that a stream may have unanswered; a node says so itself when it opens one. */
export const STREAM_SLOTS_MAX = 64;

export interface StreamCarrierOptions {
  /** `host:port` of the nodes; the first is dialled first. */
  readonly addresses: readonly string[];
  readonly log: string;
  readonly slots: number;
  readonly format: BodyFormat;
  readonly bodies: readonly Uint8Array[];
}

interface Built {
  /** Of the frame. */
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

/** One client stream: appends are pipelined, and answered in whatever order. */
export class StreamCarrier implements Carrier {
  readonly slots: number;
  readonly #options: StreamCarrierOptions;
  readonly #heads: readonly Uint8Array[];
  readonly #built: readonly Built[];
  #next = 0;
  #socket: FrameSocket | undefined;
  #onSettled: OnSettled = () => undefined;
  readonly #underway = new Set<number>();
  /** Wait for a connection. */
  readonly #held = new Set<number>();
  #dials = 0;
  #closed = false;

  constructor(options: StreamCarrierOptions) {
    this.#options = options;
    this.slots = options.slots;
    // Ids up to 64 are one byte: all heads have the same length.
    this.#heads = Array.from({ length: options.slots }, (_, slot) =>
      streamHead(
        PROTOCOL,
        new Map<string, string | number>([
          ["kind", "append"],
          ["id", slot + 1],
          ["log", options.log],
          ["format", options.format],
        ]),
      ),
    );
    const headBytes = this.#heads[0]?.length ?? 0;
    this.#built = options.bodies.map((body) => ({
      header: frameHeader(headBytes + body.length),
      body,
    }));
  }

  async open(onSettled: OnSettled): Promise<void> {
    this.#onSettled = onSettled;
    await this.#dial();
  }

  send(slot: number): void {
    const socket = this.#socket;
    if (socket === undefined) {
      this.#held.add(slot);
      return;
    }
    const head = this.#heads[slot];
    const built = this.#built[this.#next++ % this.#built.length];
    if (head === undefined || built === undefined) throw new RangeError(`no slot ${slot}`);
    this.#underway.add(slot);
    socket.send(built.header, head, built.body);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#socket?.close();
    this.#socket = undefined;
    for (const slot of this.#underway) this.#settle(slot, CONNECTION_LOST);
    return Promise.resolve();
  }

  async #dial(): Promise<void> {
    const { addresses } = this.#options;
    const address = addresses[this.#dials++ % addresses.length] ?? "";
    const opened = Promise.withResolvers<void>();
    const socket = await FrameSocket.connect(address, PATH, PROTOCOL, {
      onMessage: (payload) => {
        const { fields, body } = splitStreamMessage(PROTOCOL, payload);
        if (fields.get("kind") === "open") this.#opened(fields, opened);
        else this.#answered(fields, body);
      },
      onClose: () => {
        opened.reject(new BenchError("ERR_BENCH_CONNECT", `${address} closed the stream`));
        this.#lost(socket);
      },
    });
    await opened.promise;
    if (this.#closed) return socket.close();
    this.#socket = socket;
    const held = [...this.#held];
    this.#held.clear();
    for (const slot of held) this.send(slot);
  }

  /** What the node allows is held against what will be sent, so that the stream does not end in the middle. */
  #opened(fields: StreamFields, opened: PromiseWithResolvers<void>): void {
    const appends = Number(fields.get("appends"));
    const bytes = Number(fields.get("bytes"));
    const { slots } = this;
    const largest = Math.max(...this.#options.bodies.map((body) => body.length));
    if (slots <= appends && slots * largest <= bytes) {
      opened.resolve();
      return;
    }
    opened.reject(
      new BenchError(
        "ERR_BENCH_OPTIONS",
        `${slots} requests of ${largest} bytes on one connection, the node takes ${appends} of ${bytes} bytes: more connections ` +
          "(--connections), or fewer requests in flight (--in-flight)",
      ),
    );
  }

  #answered(fields: StreamFields, body: Uint8Array): void {
    const kind = fields.get("kind");
    const slot = Number(fields.get("id") ?? 0) - 1;
    if (kind === "appended") {
      const count = Number(fields.get("count"));
      this.#settle(slot, { kind: "accepted", firstSeq: Number(fields.get("firstSeq")), count });
      return;
    }
    if (kind === "error" && slot >= 0) {
      const problem: { code?: string } = JSON.parse(Buffer.from(body).toString("utf8"));
      this.#settle(slot, notAccepted(problem.code ?? "an error without a code"));
    }
  }

  #settle(slot: number, outcome: Outcome): void {
    if (this.#underway.delete(slot)) this.#onSettled(slot, outcome);
  }

  #lost(socket: FrameSocket): void {
    if (this.#socket !== socket || this.#closed) return;
    this.#socket = undefined;
    for (const slot of this.#underway) this.#settle(slot, CONNECTION_LOST);
    void this.#redial();
  }

  async #redial(): Promise<void> {
    while (!this.#closed && this.#socket === undefined) {
      await sleep(REDIAL_MS);
      // Whichever node is dialled next may be there.
      await this.#dial().catch(() => undefined);
    }
  }
}
