import { CreditWindow } from "@annals/flow";
import type { Backoff, Credit } from "@annals/flow";
import type { Message } from "@annals/raft";
import { decodeMessages, encodeFrame, encodeMessages } from "@annals/wire";
import type { Frame, HelloFrame } from "@annals/wire";
import { OutboundLink } from "./outboundLink.ts";
import { CLOSE_STALLED, FRAMING_BYTES } from "./protocol.ts";
import type { LinkFault } from "./protocol.ts";

export interface DataLinkOptions {
  readonly url: string;
  readonly hello: () => Omit<HelloFrame, "kind" | "epoch">;
  readonly maxMessageBytes: number;
  /** Payload that may wait here for credit: what Raft keeps in flight to one follower. Beyond, messages are dropped. */
  readonly maxQueuedBytes: number;
  readonly maxQueuedMessages: number;
  readonly handshakeTimeoutMs: number;
  /** Without an ack or a grant for so long while frames are out, the link is dialled anew; tenfold while the follower gives no credit. */
  readonly progressTimeoutMs: number;
  readonly backoff: Backoff;
  readonly onMessages: (messages: readonly Message[]) => void;
  /** Messages were lost: replication to this follower has to probe. */
  readonly onLost: (fault: LinkFault) => void;
}

const WATCHDOG_INTERVAL_MS = 1000;

/** What a message costs of the follower's credit. */
function entriesOf(message: Message): number {
  return message.kind === "appendEntries" ? message.entries.length : 0;
}

function payloadOf(message: Message): number {
  if (message.kind !== "appendEntries") return 0;
  return message.entries.reduce((sum, entry) => sum + entry.data.length, 0);
}

/**
 * The leader's stream of one log to one follower. The follower grants entries and bytes; what exceeds the credit waits here, bounded by
 * Raft's own window. Acks and grants come back on the same socket.
 */
export class DataLink {
  readonly #options: DataLinkOptions;
  readonly #link: OutboundLink;
  readonly #watchdog: NodeJS.Timeout;
  #credit = new CreditWindow();
  #queue: { message: Message; payload: number }[] = [];
  #queuedBytes = 0;
  #framesOut = 0;
  #lastProgressMs = performance.now();

  constructor(options: DataLinkOptions) {
    this.#options = options;
    this.#link = new OutboundLink({
      ...options,
      onOpen: () => this.#opened(),
      onFrame: (frame) => this.#frame(frame),
      onDown: (fault) => this.#lost(fault),
    });
    this.#watchdog = setInterval(() => this.#watch(), WATCHDOG_INTERVAL_MS);
    this.#watchdog.unref();
  }

  get open(): boolean {
    return this.#link.open;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  credit(): Credit {
    return this.#credit.read();
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      const payload = payloadOf(message);
      this.#queue.push({ message, payload });
      this.#queuedBytes += payload;
    }
    const { maxQueuedBytes, maxQueuedMessages } = this.#options;
    if (this.#queuedBytes > maxQueuedBytes || this.#queue.length > maxQueuedMessages) {
      this.#lost({
        code: "ERR_LINK_CONGESTED",
        reason: `${this.#queue.length} messages wait for credit`,
      });
      return;
    }
    this.#pump();
  }

  close(): void {
    clearInterval(this.#watchdog);
    this.#link.close();
  }

  #opened(): void {
    this.#credit = new CreditWindow();
    this.#framesOut = 0;
    this.#lastProgressMs = performance.now();
  }

  #frame(frame: Frame): void {
    if (frame.kind === "grant") this.#credit.grant(frame);
    else if (frame.kind === "response") this.#options.onMessages(decodeMessages(frame.bytes));
    this.#framesOut = 0;
    this.#lastProgressMs = performance.now();
    this.#link.progress();
    this.#pump();
  }

  /** Sends as many frames as the credit and the socket take. */
  #pump(): void {
    while (this.#queue.length > 0 && this.#link.open && this.#credit.open) {
      if (this.#link.bufferedBytes > this.#options.maxMessageBytes) return;
      this.#sendFrame(this.#takeFrame());
    }
  }

  /** The first messages that fit one frame; at least one. */
  #takeFrame(): readonly Message[] {
    const room = this.#options.maxMessageBytes - FRAMING_BYTES;
    let bytes = 0;
    let count = 0;
    for (const { payload } of this.#queue) {
      if (count > 0 && bytes + payload > room) break;
      bytes += payload;
      count++;
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count).map(({ message }) => message);
  }

  #sendFrame(messages: readonly Message[]): void {
    const bytes = encodeFrame({
      kind: "append",
      epoch: this.#link.epoch,
      bytes: encodeMessages(messages),
    });
    const entries = messages.reduce((sum, message) => sum + entriesOf(message), 0);
    this.#credit.tryTake({ entries, bytes: bytes.length });
    if (this.#framesOut === 0) this.#lastProgressMs = performance.now();
    this.#framesOut++;
    this.#link.send(bytes, () => this.#pump());
  }

  #lost(fault: LinkFault): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#options.onLost(fault);
  }

  #watch(): void {
    if (!this.#link.open || (this.#framesOut === 0 && this.#queue.length === 0)) return;
    const { progressTimeoutMs } = this.#options;
    const limit = this.#credit.open ? progressTimeoutMs : 10 * progressTimeoutMs;
    const silent = performance.now() - this.#lastProgressMs;
    if (silent > limit) {
      this.#link.fail(
        { code: "ERR_LINK_STALLED", reason: `no progress for ${silent} ms` },
        CLOSE_STALLED,
      );
    }
  }
}
