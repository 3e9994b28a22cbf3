import type { Credit } from "@annals/flow";
import type { Message } from "@annals/raft";
import { encodeFrame, encodeMessagesFrame } from "@annals/wire";
import { exactly } from "../lane/exactly.ts";
import type { FromWorker } from "../lane/messages.ts";

export interface LinkRepliesOptions {
  readonly linkId: number;
  /** Of the connection, as the leader counts them. */
  readonly epoch: number;
  readonly send: (message: FromWorker) => void;
  /** Whether the lane to the gateway is full. */
  readonly congested: () => boolean;
  /** Those that hold something back; whoever owns it flushes them when the lane has room. */
  readonly held: Set<LinkReplies>;
}

/**
 * What goes back over one inbound data link: acknowledgements, credit, and the news of bytes that are let go of. While the lane is full it
 * gathers here in constant space: credit and bytes add up, and of the acknowledgements the last one of each kind is kept. A later one says
 * more than those before it, and Raft takes a lost one for a slow network.
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
    this.#post();
  }

  /** One frame of so many bytes is done with. */
  release(bytes: number): void {
    this.#released = { bytes: this.#released.bytes + bytes, frames: this.#released.frames + 1 };
    this.#post();
  }

  flush(): void {
    const { linkId, epoch, send } = this.#options;
    const [acks, credit, released] = [this.#acks, this.#credit, this.#released];
    this.#acks = [];
    this.#credit = { entries: 0, bytes: 0 };
    this.#released = { bytes: 0, frames: 0 };
    const frames = [
      ...(acks.length > 0 ? [encodeMessagesFrame("response", epoch, acks)] : []),
      ...(credit.entries + credit.bytes > 0 ? [encodeFrame({ kind: "grant", ...credit })] : []),
    ];
    for (const frame of frames) send({ kind: "linkSend", linkId, bytes: exactly(frame) });
    if (released.frames > 0) send({ kind: "linkReleased", linkId, ...released });
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
