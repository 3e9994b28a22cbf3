import { exactly } from "@annals/channel";
import { LINK_FRAMES_MAX } from "@annals/flow";
import type { Credit } from "@annals/flow";
import type { Message } from "@annals/raft";
import { encodeFrame, encodeMessagesFrame } from "@annals/wire";
import type { FromWorker } from "./lane/messages.ts";

export interface LinkRepliesOptions {
  readonly linkId: number;
  /** Of the connection, as the leader counts them. */
  readonly epoch: number;
  readonly send: (message: FromWorker) => void;
  /** What the leader may have sent without any of it being let go of. */
  readonly window: Credit;
  /** Whether the lane to the gateway is full. */
  readonly congested: () => boolean;
  /** Those that hold something back; whoever owns it flushes them when the lane has room, and once a tick. */
  readonly held: Set<LinkReplies>;
}

/** Of the window, what is held back at most: the leader always has the rest. */
const HELD_SHARE = 1 / 4;

/**
 * What goes back over one inbound data link: acknowledgements, credit, and the news of bytes that are let go of. Each post wakes two
 * threads here and one of the leader's, so credit goes with the next acknowledgement, which the same flush has brought, and alone only when
 * a quarter of the window has gathered or a tick is over. While the lane is full everything gathers in constant space: credit and bytes add
 * up, and of the acknowledgements the last one of each kind is kept. A later one says more than those before it, and Raft takes a lost one
 * for a slow network.
 */
export class LinkReplies {
  readonly #options: LinkRepliesOptions;
  #acks: readonly Message[] = [];
  #credit: Credit = { entries: 0, bytes: 0 };
  #released = { bytes: 0, frames: 0 };

  constructor(options: LinkRepliesOptions) {
    this.#options = options;
  }

  get linkId(): number {
    return this.#options.linkId;
  }

  acknowledge(acks: readonly Message[]): void {
    this.#acks = this.#options.congested() ? lastOfEachKind([...this.#acks, ...acks]) : acks;
    this.#post();
  }

  grant({ entries, bytes }: Credit): void {
    this.#credit = { entries: this.#credit.entries + entries, bytes: this.#credit.bytes + bytes };
    this.#postIfMuch();
  }

  /** One frame of so many bytes is done with. */
  release(bytes: number): void {
    this.#released = { bytes: this.#released.bytes + bytes, frames: this.#released.frames + 1 };
    this.#postIfMuch();
  }

  flush(): void {
    const { linkId, epoch, send, held } = this.#options;
    held.delete(this);
    const [acks, credit, released] = [this.#acks, this.#credit, this.#released];
    this.#acks = [];
    this.#credit = { entries: 0, bytes: 0 };
    this.#released = { bytes: 0, frames: 0 };
    const frames = [
      ...(acks.length > 0 ? [encodeMessagesFrame("response", epoch, acks)] : []),
      ...(credit.entries + credit.bytes > 0 ? [encodeFrame({ kind: "grant", ...credit })] : []),
    ];
    if (frames.length > 0) send({ kind: "linkSend", linkId, frames: frames.map(exactly) });
    if (released.frames > 0) send({ kind: "linkReleased", linkId, ...released });
  }

  #postIfMuch(): void {
    const { entries, bytes } = this.#options.window;
    const much =
      this.#credit.entries >= entries * HELD_SHARE ||
      Math.max(this.#credit.bytes, this.#released.bytes) >= bytes * HELD_SHARE ||
      this.#released.frames >= LINK_FRAMES_MAX * HELD_SHARE;
    if (much) this.#post();
    else this.#options.held.add(this);
  }

  #post(): void {
    if (this.#options.congested()) this.#options.held.add(this);
    else this.flush();
  }
}

function lastOfEachKind(acks: readonly Message[]): readonly Message[] {
  const last = (rejected: boolean): Message | undefined =>
    acks.findLast((ack) => ack.kind === "appendEntriesResponse" && ack.rejected === rejected);
  const kept = [last(true), last(false)];
  return acks.filter((ack) => kept.includes(ack));
}
