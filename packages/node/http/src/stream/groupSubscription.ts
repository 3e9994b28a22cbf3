import type { GrantedLane, HeldLane } from "@annals/api";
import { AnnalsError } from "@annals/record";
import type { StreamFields, StreamValue } from "@annals/wire";
import { httpError } from "../problem.ts";
import type { ClientHead } from "./clientHead.ts";
import type { GroupCalls } from "./groupCalls.ts";
import type { Subscription } from "./subscription.ts";

type ConsumeHead = Extract<ClientHead, { kind: "consume" }>;
type SubscribeHead = Extract<ClientHead, { kind: "subscribe" }>;

export interface GroupSubscriptionOptions {
  readonly head: ConsumeHead;
  readonly calls: Pick<GroupCalls, "ask">;
  /** Makes the subscription that delivers; it calls `onTold` whenever the client was told of everything up to a seq. */
  readonly open: (head: SubscribeHead, onTold: (seq: number) => void) => Subscription;
  readonly send: (fields: StreamFields) => void;
  /** Asks the client for a sign of life; when the last one came, in ms of `now`. */
  readonly ping: () => void;
  readonly heardMs: () => number;
  readonly now: () => number;
}

/** Between two questions of a member that stands by, and two tries of what may succeed later. */
const RETRY_MS = 1_000;
/** Which of its questions a member that stands by hears of. */
const TOLD_EACH = 10;
/** Signs of life in one lease. */
const BEATS = 3;

/**
 * One lane of a group in a client's hands: waits until it is granted, delivers from its position on, and keeps it for as long as the
 * client's process answers pings, whatever its consumer is busy with. What is acknowledged becomes the lane's position, one commit at a
 * time, each of the latest. When it ends the lane is given back.
 */
export class GroupSubscription {
  readonly #options: GroupSubscriptionOptions;
  readonly #ended = Promise.withResolvers<undefined>();
  #credit: { readonly records: number; readonly bytes: number };
  #closed = false;
  #inner: Subscription | undefined;
  /** The client was told of everything up to it. */
  #told = 0;
  /** Up to where the lane is done with, as the client says, and as the log has it. */
  #wanted = 0;
  #durable = 0;
  #committing: Promise<void> | undefined;
  /** What it holds, once it does. */
  #lane: HeldLane | undefined;
  #beatMs = 0;
  /** Ends a pause. */
  #wake: () => void = () => {};

  constructor(options: GroupSubscriptionOptions) {
    this.#options = options;
    const { records, bytes } = options.head;
    this.#credit = { records, bytes };
    this.#ended.promise.catch(() => {});
  }

  /** Resolves when it is closed, rejects with what ended it: ERR_GROUP_FENCED when the lane is lost. */
  async run(): Promise<void> {
    const grant = await this.#acquire();
    if (grant === undefined) return;
    const lane = { name: this.#options.head.group, lane: grant.lane, token: grant.token };
    this.#lane = lane;
    let held = true;
    try {
      if (!this.#closed) await this.#deliver(grant);
    } catch (error) {
      held = !isLoss(error);
      throw error;
    } finally {
      this.close();
      if (held) await this.#giveBack(lane);
    }
  }

  grant(records: number, bytes: number): void {
    if (this.#inner !== undefined) this.#inner.grant(records, bytes);
    else
      this.#credit = { records: this.#credit.records + records, bytes: this.#credit.bytes + bytes };
  }

  /** The client is done with everything up to `seq`; one beyond what it was told of ends the subscription. */
  ack(seq: number): void {
    if (this.#closed || this.#inner === undefined) return;
    if (seq > this.#told) {
      const what = `seq ${seq} was not delivered: the last that was told of is ${this.#told}`;
      const details = { seq, delivered: this.#told };
      this.#ended.reject(httpError("ERR_GROUP_POSITION", what, { details }));
      return;
    }
    this.#inner.ack(seq);
    this.#done(seq);
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#inner?.close();
    this.#ended.resolve(undefined);
    this.#wake();
  }

  async #acquire(): Promise<GrantedLane | undefined> {
    const { calls, head } = this.#options;
    const { group: name, settings, member, lane, create } = head;
    if (create !== undefined) await calls.ask({ op: "create", name, settings, ...create });
    for (let tries = 0; !this.#closed; tries++) {
      try {
        return await calls.ask({ op: "acquire", name, settings, member, feeds: "", lane });
      } catch (error) {
        if (!(error instanceof AnnalsError) || error.code !== "ERR_GROUP_HELD") throw error;
        if (tries % TOLD_EACH === 0) this.#say("standby", {});
        const { retryAfterMs } = error.details;
        await this.#pause(typeof retryAfterMs === "number" ? retryAfterMs : RETRY_MS);
      }
    }
    return undefined;
  }

  async #deliver(grant: GrantedLane): Promise<void> {
    const { open, head, now, ping } = this.#options;
    const { lane, lanes, token, position, leaseMs } = grant;
    this.#told = position;
    this.#wanted = position;
    this.#durable = position;
    this.#say("granted", { lane, lanes, token, position });
    const { id, log, filter, laneKey } = head;
    const share = lanes === 1 ? undefined : { index: lane, of: lanes, key: laneKey };
    const start = { kind: "seq", seq: position + 1 } as const;
    const inner = open(
      { kind: "subscribe", id, log, start, filter: { ...filter, lane: share }, ...this.#credit },
      (seq) => {
        this.#told = seq;
        this.#done(position);
      },
    );
    this.#inner = inner;
    this.#beatMs = now();
    ping();
    const beats = setInterval(() => this.#beat(), leaseMs / BEATS);
    try {
      await Promise.race([inner.run(), this.#ended.promise]);
    } finally {
      clearInterval(beats);
    }
  }

  /** The client answered since the last time: its lane is renewed. Else the lease runs out. */
  #beat(): void {
    const { heardMs, now, ping, calls } = this.#options;
    const lives = heardMs() >= this.#beatMs;
    this.#beatMs = now();
    ping();
    const lane = this.#lane;
    if (!lives || lane === undefined) return;
    calls.ask({ op: "renew", ...lane }).catch((error: unknown) => this.#failed(error));
  }

  /** Everything up to `seq` is done with, and what was looked at behind it if no record of that is in the client's hands. */
  #done(seq: number): void {
    const position = this.#inner?.unacked === 0 ? this.#told : seq;
    if (position <= this.#wanted) return;
    this.#wanted = position;
    this.#committing ??= this.#commit().finally(() => {
      this.#committing = undefined;
    });
  }

  async #commit(): Promise<void> {
    const lane = this.#lane;
    if (lane === undefined) return;
    while (this.#durable < this.#wanted) {
      const ask = { op: "commit", ...lane, position: this.#wanted } as const;
      try {
        this.#durable = (await this.#options.calls.ask(ask)).position;
        this.#say("committed", { seq: this.#durable });
      } catch (error) {
        this.#failed(error);
        if (this.#closed || isLoss(error)) return;
        await this.#pause();
      }
    }
  }

  /** What may succeed later is tried again; the rest ends the subscription. */
  #failed(error: unknown): void {
    if (error instanceof AnnalsError && error.retryable) return;
    this.#ended.reject(error);
  }

  /** After the last commit, so that the next member goes on where this one ended. Unheard, the lease runs out. */
  async #giveBack(lane: HeldLane): Promise<void> {
    await this.#committing;
    await this.#options.calls.ask({ op: "release", ...lane }).catch(() => {});
  }

  #say(kind: string, fields: Readonly<Record<string, number>>): void {
    const { head, send } = this.#options;
    const entries = [["kind", kind], ["id", head.id], ...Object.entries(fields)] as const;
    send(new Map<string, StreamValue>(entries));
  }

  /** Until it is time to try again, or this has ended. */
  async #pause(waitMs: number = RETRY_MS): Promise<void> {
    if (this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }
}

/** The lane is not this member's any more. */
function isLoss(error: unknown): boolean {
  return (
    error instanceof AnnalsError &&
    (error.code === "ERR_GROUP_FENCED" || error.code === "ERR_GROUP_NOT_FOUND")
  );
}
