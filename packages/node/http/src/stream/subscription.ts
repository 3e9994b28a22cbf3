import type { ReadFormat, ReadQuery, ReadReply } from "@annals/query";
import { CreditWindow, LIMIT_MAX } from "@annals/flow";
import type { Gauge } from "@annals/flow";
import { letGo } from "@annals/wire";
import type { StreamFields } from "@annals/wire";
import type { ClientHead } from "./clientHead.ts";
import type { PageBudget } from "./pageBudget.ts";
import { UnackedPages } from "./unackedPages.ts";

export interface SubscriptionOptions {
  readonly head: Extract<ClientHead, { kind: "subscribe" }>;
  readonly format: Extract<ReadFormat, "ndjson" | "msgpack">;
  readonly maxUnacked: number;
  /** Bytes of this subscription that the socket has not taken; its cap is `subscribe.maxBufferedBytes`. */
  readonly buffered: Gauge;
  readonly pages: PageBudget;
  /** The most bytes that a page that was asked for with so many bytes may have. */
  readonly pageBytes: (length: number) => number;
  readonly read: (query: ReadQuery) => Promise<ReadReply>;
  /** `whenTaken` is called once the socket has taken the message, or never will. */
  readonly send: (fields: StreamFields, body?: Uint8Array, whenTaken?: () => void) => void;
  /** Told each time that nothing is read because of the client: it gave no credit, has not acknowledged, does not take bytes. */
  readonly onPaused: (reason: PauseReason) => void;
  /** Called when the client is told of everything up to a seq. */
  readonly onTold?: (seq: number) => void;
  readonly now: () => number;
}

type PauseReason = "subscriber-credit" | "subscriber-ack" | "subscriber-socket";

/** At the end of the log: how long one read waits, after which the client hears that nothing came. */
const IDLE_MS = 10_000;

/**
 * One subscription: a loop that reads a page, sends it, and reads the next one only while the client wants it, in records, bytes and
 * acknowledgements, and takes it. Records come in order, each once. Reads are of this node, which delivers only what is committed; that the
 * end is the end is confirmed by a quorum when it is first reached, and again while nothing comes.
 */
export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #credit = new CreditWindow();
  readonly #unacked = new UnackedPages();
  #closed = false;
  #wake: () => void = () => {};
  /** The seq to look at next. */
  #next = 1;
  /** The first seq that the client was told nothing about; what was looked at from there had no match. */
  #untold = 1;
  /** Only records of this time or later; until the first one was found. */
  #since: number | undefined;
  #confirmedMs = Number.NEGATIVE_INFINITY;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    const { records, bytes, start } = options.head;
    this.#credit.grant({ entries: records, bytes });
    if (start.kind === "seq") this.#next = start.seq;
    this.#untold = this.#next;
    if (start.kind === "time") this.#since = start.since;
  }

  /** Resolves when the subscription is closed, rejects with what ended it. */
  async run(): Promise<void> {
    if (this.#options.head.start.kind === "end") await this.#beginAtEnd();
    // Further behind than the end that the client was told of last.
    let behind = true;
    let atEnd = this.#options.head.start.kind === "end";
    for (;;) {
      await this.#untilWanted();
      if (this.#closed) return;
      if (atEnd) {
        const found = await this.#look(behind ? 0 : IDLE_MS);
        if (this.#closed) return;
        if (found.count === 0) {
          this.#next = found.covered.to + 1;
          if (found.more) continue;
          this.#say("caughtUp", found.covered.to, [["seq", found.covered.to]]);
          behind = false;
          continue;
        }
        // The scan ended at the first match.
        this.#next = found.covered.to;
      }
      const more = await this.#page();
      if (more) behind = true;
      atEnd = !more;
    }
  }

  /** Records that were sent and are not acknowledged. */
  get unacked(): number {
    return this.#unacked.records;
  }

  grant(records: number, bytes: number): void {
    this.#credit.grant({ entries: records, bytes });
    this.#wake();
  }

  /** The client is done with everything up to `seq`. */
  ack(seq: number): void {
    this.#unacked.ack(seq);
    this.#wake();
  }

  /** Idempotent. What is being read is not sent any more. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async #beginAtEnd(): Promise<void> {
    const query = { ...this.#query(0), from: undefined, limit: 1, order: "desc" } as const;
    const end = await this.#options.read({ ...query, consistency: "linearizable" });
    this.#next = end.covered.to + 1;
    this.#untold = this.#next;
  }

  /** Waits up to `waitMs` for a first record that matches, and brings none: nothing is held meanwhile. */
  async #look(waitMs: number): Promise<ReadReply> {
    const { now, read } = this.#options;
    const startMs = now();
    const confirm = waitMs === 0 || startMs - this.#confirmedMs >= IDLE_MS;
    const consistency = confirm ? "linearizable" : "local";
    const found = await read({ ...this.#query(1), waitMs, consistency });
    if (confirm) this.#confirmedMs = startMs;
    return found;
  }

  /** Reads and sends one page; whether there is more to read right now. */
  async #page(): Promise<boolean> {
    const { pages, pageBytes, read, buffered, maxUnacked, format } = this.#options;
    const credit = this.#credit.read();
    const unacked = maxUnacked - this.#unacked.records;
    // Half of the window at a time: the client acknowledges one while the other is on its way.
    const limit = Math.min(credit.entries, unacked, Math.ceil(maxUnacked / 2), LIMIT_MAX);
    const maxLength = Math.max(1, Math.min(credit.bytes, buffered.cap - buffered.current));
    const held = await pages.take(pageBytes(maxLength));
    if (this.#closed) {
      held.release();
      return false;
    }
    let page: ReadReply;
    try {
      page = await read({ ...this.#query(limit), maxLength, format });
    } catch (error) {
      held.release();
      throw error;
    }
    const { body, count, covered, more } = page;
    held.shrinkTo(this.#closed ? 0 : body.length);
    if (this.#closed) return false;
    this.#next = covered.to + 1;
    if (count === 0) {
      held.release();
      // A client that filters learns how far nothing was found.
      if (more) this.#sayRecords(covered.to, 0);
      return more;
    }
    this.#since = undefined;
    this.#credit.tryTake({ entries: count, bytes: body.length });
    this.#unacked.add({ from: this.#untold, to: covered.to, count });
    buffered.add(body.length);
    const { length } = body;
    this.#sayRecords(covered.to, count, body, () => {
      letGo(body);
      buffered.remove(length);
      held.release();
      this.#wake();
    });
    return more;
  }

  /** Ranges adjoin: whatever matches up to `to`, the client has. */
  #sayRecords(to: number, count: number, body?: Uint8Array, whenTaken?: () => void): void {
    const range = [
      ["from", this.#untold],
      ["to", to],
      ["count", count],
    ] as const;
    this.#say("records", to, range, body, whenTaken);
  }

  #say(
    kind: "records" | "caughtUp",
    to: number,
    fields: readonly (readonly [string, number])[],
    body?: Uint8Array,
    whenTaken?: () => void,
  ): void {
    const { head, send } = this.#options;
    this.#untold = to + 1;
    const entries = [["kind", kind], ["id", head.id], ...fields] as const;
    send(new Map<string, string | number>(entries), body, whenTaken);
    this.#options.onTold?.(to);
  }

  #query(limit: number): ReadQuery {
    return {
      ...this.#options.head.filter,
      from: this.#next,
      to: undefined,
      since: this.#since,
      until: undefined,
      limit,
      cursor: undefined,
      order: "asc",
      consistency: "local",
      waitMs: 0,
      format: "none",
    };
  }

  async #untilWanted(): Promise<void> {
    for (;;) {
      const reason = this.#closed ? undefined : this.#unwanted();
      if (reason === undefined) return;
      this.#options.onPaused(reason);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = () => {};
    }
  }

  /** Why no page is to be read now. None waits for what only a page could bring: a client may always give credit and acknowledge. */
  #unwanted(): PauseReason | undefined {
    const { buffered, maxUnacked } = this.#options;
    if (!this.#credit.open) return "subscriber-credit";
    if (this.#unacked.records >= maxUnacked) return "subscriber-ack";
    return buffered.current * 2 > buffered.cap ? "subscriber-socket" : undefined;
  }
}
