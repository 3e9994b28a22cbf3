import { STREAM_SUBSCRIPTIONS_MAX } from "@annals/config";
import type { StreamFields } from "@annals/wire";
import { httpError } from "../problem.ts";
import type { ClientHead } from "./clientHead.ts";
import { GroupCalls } from "./groupCalls.ts";
import { GroupSubscription } from "./groupSubscription.ts";
import type { StreamContext } from "./streamContext.ts";
import { Subscription } from "./subscription.ts";

export interface StreamSubscriptionsOptions {
  readonly context: StreamContext;
  readonly format: "ndjson" | "msgpack";
  readonly send: (fields: StreamFields, body?: Uint8Array, whenTaken?: () => void) => void;
  /** Answers with a problem document. */
  readonly refuse: (id: number, error: unknown) => void;
  readonly ping: () => void;
  /** When the client gave its last sign of life, in ms of `performance.now`. */
  readonly heardMs: () => number;
}

type Opening = Extract<ClientHead, { kind: "subscribe" | "consume" }>;
type Open = Pick<Subscription, "run" | "grant" | "ack" | "close">;

/** The subscriptions of one stream by their ids, those of groups among them. */
export class StreamSubscriptions {
  readonly #options: StreamSubscriptionsOptions;
  readonly #open = new Map<number, Open>();

  constructor(options: StreamSubscriptionsOptions) {
    this.#options = options;
  }

  has(id: number): boolean {
    return this.#open.has(id);
  }

  /** Begins one whose id is free. */
  begin(head: Opening): void {
    const { context, refuse } = this.#options;
    const { subscriptions } = context;
    const full = subscriptions.current >= subscriptions.cap;
    if (full || this.#open.size >= STREAM_SUBSCRIPTIONS_MAX) {
      const limits = `${STREAM_SUBSCRIPTIONS_MAX} a stream, ${subscriptions.cap} a node`;
      const what = `as many subscriptions are open as may be: ${limits}`;
      refuse(head.id, httpError("ERR_OVERLOADED", what, { retryable: true }));
      return;
    }
    const subscription = head.kind === "subscribe" ? this.#plain(head) : this.#ofGroup(head);
    this.#open.set(head.id, subscription);
    subscriptions.add(1);
    void this.#run(head.id, subscription);
  }

  #plain(
    head: Extract<ClientHead, { kind: "subscribe" }>,
    onTold: (seq: number) => void = () => {},
  ): Subscription {
    const { context, format, send } = this.#options;
    const { ledger, service } = context;
    return new Subscription({
      ...context,
      head,
      format,
      buffered: ledger.family("subscription.buffer").gauge(context.maxBufferedBytes),
      read: (query) => service.read(head.log, query),
      send,
      onPaused: (reason) => ledger.paused(reason),
      onTold,
      now: () => performance.now(),
    });
  }

  #ofGroup(head: Extract<ClientHead, { kind: "consume" }>): GroupSubscription {
    const { context, send, ping, heardMs } = this.#options;
    return new GroupSubscription({
      head,
      calls: new GroupCalls(context.service, context.forwarder, head.log),
      open: (subscribe, onTold) => this.#plain(subscribe, onTold),
      send,
      ping,
      heardMs,
      now: () => performance.now(),
    });
  }

  async #run(id: number, subscription: Open): Promise<void> {
    try {
      await subscription.run();
    } catch (error) {
      // The client has closed it, or is gone.
      if (this.#open.get(id) === subscription) this.#options.refuse(id, error);
    } finally {
      this.#options.context.subscriptions.remove(1);
      if (this.#open.get(id) === subscription) this.#open.delete(id);
    }
  }

  // What ended by itself may still be credited, acknowledged or ended: the client does not know yet.

  grant(id: number, records: number, bytes: number): void {
    this.#open.get(id)?.grant(records, bytes);
  }

  ack(id: number, seq: number): void {
    this.#open.get(id)?.ack(seq);
  }

  end(id: number): void {
    this.#open.get(id)?.close();
    this.#open.delete(id);
  }

  endAll(): void {
    for (const id of this.#open.keys()) this.end(id);
  }
}
