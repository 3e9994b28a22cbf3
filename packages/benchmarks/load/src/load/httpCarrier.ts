import { setTimeout as sleep } from "node:timers/promises";
import { CONTENT_TYPES } from "./bodies.ts";
import type { BodyCompression, BodyFormat } from "./bodies.ts";
import type { Carrier, OnSettled } from "./carrier.ts";
import { CONNECTION_LOST, outcomeOf } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import { RawConnection } from "./rawConnection.ts";

const REDIAL_MS = 100;

export interface HttpCarrierOptions {
  /** `host:port` of the nodes; the first is asked first. */
  readonly addresses: readonly string[];
  readonly log: string;
  readonly slots: number;
  readonly format: BodyFormat;
  readonly compression: BodyCompression;
  readonly bodies: readonly Uint8Array[];
}

/** A kept HTTP connection for each slot, as HTTP/1.1 has one request on its way at a time. */
export class HttpCarrier implements Carrier {
  readonly slots: number;
  readonly #addresses: readonly string[];
  readonly #requests: readonly Uint8Array[];
  readonly #connections: RawConnection[];
  #next = 0;
  #dials = 0;
  #onSettled: OnSettled = () => undefined;
  #closed = false;

  constructor(options: HttpCarrierOptions) {
    this.slots = options.slots;
    this.#addresses = options.addresses;
    this.#requests = options.bodies.map((body) => appendRequest(options, body));
    this.#connections = Array.from({ length: options.slots }, () => this.#connection());
  }

  open(onSettled: OnSettled): Promise<void> {
    this.#onSettled = onSettled;
    return Promise.resolve();
  }

  send(slot: number): void {
    void this.#ask(slot).then((outcome) => this.#onSettled(slot, outcome));
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#connections) connection.close();
    return Promise.resolve();
  }

  async #ask(slot: number): Promise<Outcome> {
    const connection = this.#connections[slot];
    const request = this.#requests[this.#next++ % this.#requests.length];
    if (connection === undefined || request === undefined) throw new RangeError(`no slot ${slot}`);
    try {
      const { status, body } = await connection.ask(request);
      return outcomeOf(status, body);
    } catch {
      if (this.#closed) return CONNECTION_LOST;
      await sleep(REDIAL_MS);
      // The node may be gone for good.
      this.#dials++;
      this.#connections[slot] = this.#connection();
      return CONNECTION_LOST;
    }
  }

  #connection(): RawConnection {
    return new RawConnection(this.#addresses[this.#dials % this.#addresses.length] ?? "");
  }
}

/** A whole append request, as bytes. */
export function appendRequest(
  {
    log,
    format,
    compression,
  }: {
    readonly log: string;
    readonly format: BodyFormat;
    readonly compression: BodyCompression;
  },
  body: Uint8Array,
): Buffer {
  const coding = compression === "none" ? "" : `content-encoding: ${compression}\r\n`;
  const head =
    `POST /v1/logs/${encodeURIComponent(log)}/records HTTP/1.1\r\nhost: bench\r\ncontent-type: ${CONTENT_TYPES[format]}\r\n` +
    `${coding}content-length: ${body.byteLength}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
