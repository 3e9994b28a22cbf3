import { CreditWindow, FRAMING_BYTES } from "@annals/flow";
import type { Backoff, Credit, Gauge, Ledger } from "@annals/flow";
import type { MemberId, Message } from "@annals/raft";
import { AnnalsError, batchBlobs } from "@annals/record";
import { supersedes } from "@annals/replica";
import type { BlobFiles } from "@annals/replica";
import { encodeFrame, encodeMessagesFrame, letGo, readPeerMessages } from "@annals/wire";
import type { BlobAnswerFrame, Frame, HelloFrame, ResponseFrame, WelcomeFrame } from "@annals/wire";
import { BlobTransfer } from "./blobTransfer.ts";
import type { TransferEnd } from "./blobTransfer.ts";
import { entriesOf, payloadOf } from "./messageSize.ts";
import { OutboundLink } from "./outboundLink.ts";
import type { Permits } from "./permits.ts";
import { CLOSE_PROTOCOL, CLOSE_STALLED, PEER_GONE } from "./protocol.ts";
import type { LinkFault } from "./protocol.ts";
import type { StreamFigures } from "./streamFigures.ts";

export interface DataLinkOptions {
  /** The gauges of the thread, which those of this link report to. */
  readonly ledger?: Ledger;
  readonly url: string;
  /** Counts what is sent; it outlives the link. */
  readonly figures?: StreamFigures;
  /** The leader, this side, and the follower that it streams to. */
  readonly self: MemberId;
  readonly follower: MemberId;
  readonly hello: () => Omit<HelloFrame, "kind" | "epoch">;
  readonly maxMessageBytes: number;
  /** Entries of one frame: what a follower decodes at once. One message may have more; undefined: what the bytes allow. */
  readonly maxFrameEntries?: number;
  /** Payload that may wait here for credit: what Raft keeps in flight to one follower. Beyond, messages are dropped. */
  readonly maxQueuedBytes: number;
  readonly maxQueuedMessages: number;
  readonly handshakeTimeoutMs: number;
  /** Without an ack or a grant for so long while frames are out, the link is dialled anew; tenfold while the follower gives no credit. */
  readonly progressTimeoutMs: number;
  readonly backoff: Backoff;
  /** The blobs of the log; those that entries name travel ahead of them. */
  readonly blobs: Pick<BlobFiles, "find" | "read">;
  /** Bounds how many blobs are on their way at a time, over all links of this thread. */
  readonly blobPermits: Permits;
  readonly onMessages: (messages: readonly Message[]) => void;
  /** A blob was offered, and the follower has it. */
  readonly onBlobHeld?: () => void;
  /** Messages were lost: replication to this follower has to probe. */
  readonly onLost: (fault: LinkFault) => void;
}

const WATCHDOG_INTERVAL_MS = 1000;
/** After a blob could not be handed over, entries that name it are not sent for so long: the wait doubles up to the second. */
const BLOB_RETRY_MS = [200, 30_000] as const;
/**
 * An AppendEntries without entries says only how far the leader has committed. The next entries say that, too: it waits for them so long,
 * or every small append would cost a follower two frames and two acknowledgements.
 */
const NEWS_WAIT_MS = 5;
/** What keeps a follower from taking the link that is over as soon as its replica answers. */
const NOT_SERVED: ReadonlySet<string> = new Set([
  PEER_GONE,
  "ERR_LOG_NOT_OPEN",
  "ERR_LOG_REPAIRING",
]);
/** Digests remembered as held by the follower; beyond, the oldest is offered again. */
const HELD_MAX = 10_000;

function blobNotSent(digest: string): LinkFault {
  return { code: "ERR_BLOB_NOT_SAVED", reason: `the follower could not save blob ${digest}` };
}

/** No later try can help: an operator has to put the file back. */
function blobGone(digest: string): LinkFault {
  return {
    code: "ERR_BLOB_GONE",
    reason: `blob ${digest} is not on this disk, or not all of it`,
  };
}

function isNews({ message }: { readonly message: Message }): boolean {
  return message.kind === "appendEntries" && message.entries.length === 0;
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
  readonly #queued: Gauge | undefined;
  readonly #buffered: Gauge | undefined;
  /** Blobs that the follower is known to have. */
  readonly #held = new Set<string>();
  #transfer: BlobTransfer | undefined;
  #blobWait = { untilMs: 0, ms: 0 };
  /** Runs while nothing but such news waits. */
  #newsWait: NodeJS.Timeout | undefined;
  #framesOut = 0;
  /** Something is queued, and the credit is used up. */
  #outOfCredit = false;
  /** Some of the credit of this connection was used. */
  #creditUsed = false;
  /** Why the link went down last. */
  #downFor = "";
  #lastProgressMs = performance.now();
  /** When the follower last sent anything. */
  #lastHeardMs = performance.now();

  constructor(options: DataLinkOptions) {
    this.#options = options;
    const { ledger, maxQueuedBytes, maxMessageBytes } = options;
    this.#queued = ledger?.family("send.queue").gauge(maxQueuedBytes);
    this.#buffered = ledger?.family("send.socket").gauge(maxMessageBytes);
    this.#link = new OutboundLink({
      ...options,
      onOpen: (welcome) => this.#opened(welcome),
      onFrame: (frame) => this.#frame(frame),
      onDown: (fault) => {
        this.#downFor = fault.code;
        this.#lost(fault);
      },
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
    const { maxQueuedBytes, maxQueuedMessages } = this.#options;
    for (const message of messages) {
      const payload = payloadOf(message);
      if (message.kind === "appendEntries") this.#options.figures?.message(message);
      const last = this.#queue.at(-1);
      if (last !== undefined && supersedes(message, last.message)) this.#queue.pop();
      this.#queue.push({ message, payload });
      this.#queuedBytes += payload;
      this.#queued?.set(this.#queuedBytes);
      if (this.#queuedBytes <= maxQueuedBytes && this.#queue.length <= maxQueuedMessages) continue;
      // The link is well: a blob on its way over it goes on, however long the follower's disk takes and whatever waits behind it. The rest
      // of the messages would only follow what is gone.
      this.#drop({
        code: "ERR_LINK_CONGESTED",
        reason: `${this.#queue.length} messages wait for credit`,
      });
      return;
    }
    if (this.#queue.every(isNews)) this.#newsWait ??= setTimeout(() => this.#flush(), NEWS_WAIT_MS);
    else this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#newsWait);
    this.#newsWait = undefined;
    this.#pump();
  }

  close(): void {
    clearInterval(this.#watchdog);
    clearTimeout(this.#newsWait);
    this.#cutTransfer();
    this.#link.close();
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#measure();
  }

  /**
   * The node of the follower was not heard of for `silentMs`, which its control link notices by pings. TCP would take minutes to; so this
   * link is dialled anew, unless it has heard of the follower in the meantime.
   */
  peerSilent(silentMs: number): void {
    const heardMs = performance.now() - this.#lastHeardMs;
    if (!this.#link.open || heardMs < silentMs) return;
    const reason = `the control link was silent for ${Math.round(silentMs)} ms`;
    this.#link.fail({ code: "ERR_LINK_SILENT", reason }, CLOSE_STALLED);
  }

  /** The follower does not keep to the protocol: this link is dialled anew, later with every time. */
  cut(fault: LinkFault): void {
    if (this.#link.open) this.#link.fail(fault, CLOSE_PROTOCOL);
  }

  /** The node of the follower answers again. */
  peerBack(): void {
    this.#link.redialNow();
  }

  /**
   * The follower's replica answers over its control link. A node that starts is back long before it has opened its logs: a link that was
   * refused meanwhile would wait as if it were still away.
   */
  peerServes(): void {
    if (NOT_SERVED.has(this.#downFor)) this.#link.redialNow();
  }

  #opened({ member }: WelcomeFrame): void {
    const { follower } = this.#options;
    if (member !== follower) {
      const what = `the node answers as member ${member}, not as ${follower}: its disk is another one`;
      throw new AnnalsError("ERR_PEER_MISMATCH", what);
    }
    this.#lastHeardMs = performance.now();
    this.#credit = new CreditWindow();
    this.#creditUsed = false;
    this.#framesOut = 0;
    this.#lastProgressMs = performance.now();
  }

  #frame(frame: Frame): void {
    if (frame.kind === "grant") this.#credit.grant(frame);
    else if (frame.kind === "blobAnswer") this.#blobAnswered(frame);
    else if (frame.kind === "response") this.#options.onMessages(this.#read(frame));
    this.#framesOut = 0;
    this.#lastProgressMs = performance.now();
    this.#lastHeardMs = this.#lastProgressMs;
    this.#link.progress();
    this.#transfer?.wake();
    this.#pump();
  }

  #read({ bytes }: ResponseFrame): readonly Message[] {
    const { self: to, follower: from } = this.#options;
    return readPeerMessages(bytes, { place: "data:acceptor", from, to });
  }

  #blobAnswered({ digest, answer }: BlobAnswerFrame): void {
    if (this.#transfer?.digest === digest) this.#transfer.answer(answer);
  }

  /** Sends as many frames as the credit and the socket take. A blob that entries name goes before them. */
  #pump(): void {
    if (this.#newsWait !== undefined) return;
    while (this.#transfer === undefined && this.#queue.length > 0 && this.#hasRoom()) {
      const blob = this.#blobAhead(this.#queue[0]?.message);
      if (blob === undefined) this.#sendFrame(this.#takeFrame());
      else if (performance.now() < this.#blobWait.untilMs) this.#lost(blobNotSent(blob));
      else void this.#sendBlob(blob);
    }
    this.#countCredit();
  }

  /** Counts once how long so ever the queue waits. */
  #countCredit(): void {
    const waits = this.#link.open && this.#queue.length > 0 && !this.#credit.open;
    const out = waits && this.#creditUsed;
    if (out && !this.#outOfCredit) this.#options.figures?.outOfCredit();
    this.#outOfCredit = out;
  }

  #hasRoom(): boolean {
    const { maxMessageBytes } = this.#options;
    return this.#link.open && this.#credit.open && this.#link.bufferedBytes <= maxMessageBytes;
  }

  /** A blob that the message's entries name and that the follower is not known to have. */
  #blobAhead(message: Message | undefined): string | undefined {
    if (message?.kind !== "appendEntries") return undefined;
    for (const entry of message.entries) {
      if (entry.kind !== "records") continue;
      const ahead = batchBlobs(entry.data).find((digest) => !this.#held.has(digest));
      if (ahead !== undefined) return ahead;
    }
    return undefined;
  }

  async #sendBlob(digest: string): Promise<void> {
    const { blobs, blobPermits } = this.#options;
    const transfer = new BlobTransfer({
      digest,
      files: blobs,
      permits: blobPermits,
      epoch: this.#link.epoch,
      send: (frame) => this.#sendBytes(encodeFrame(frame), 0),
      hasRoom: () => this.#hasRoom(),
    });
    this.#transfer = transfer;
    const end = await transfer.ended;
    if (this.#transfer !== transfer) return;
    this.#transfer = undefined;
    this.#transferred(digest, end);
    this.#pump();
  }

  #transferred(digest: string, end: TransferEnd): void {
    if (end === "held") {
      this.#blobWait = { untilMs: 0, ms: 0 };
      this.#options.onBlobHeld?.();
      this.#held.add(digest);
      const [oldest] = this.#held;
      if (this.#held.size > HELD_MAX && oldest !== undefined) this.#held.delete(oldest);
      return;
    }
    const [least, most] = BLOB_RETRY_MS;
    const ms = Math.min(most, Math.max(least, 2 * this.#blobWait.ms));
    this.#blobWait = { untilMs: performance.now() + ms, ms };
    this.#lost(end === "gone" ? blobGone(digest) : blobNotSent(digest));
  }

  #cutTransfer(): void {
    this.#transfer?.cancel();
    this.#transfer = undefined;
    this.#held.clear();
  }

  /** The first messages that fit one frame; at least one. */
  #takeFrame(): readonly Message[] {
    const room = this.#options.maxMessageBytes - FRAMING_BYTES;
    const { maxFrameEntries = Number.POSITIVE_INFINITY } = this.#options;
    let [bytes, entries, count] = [0, 0, 0];
    for (const { payload, message } of this.#queue) {
      bytes += payload;
      entries += entriesOf(message);
      const full = bytes > room || entries > maxFrameEntries;
      if (count > 0 && (full || this.#blobAhead(message) !== undefined)) {
        bytes -= payload;
        break;
      }
      count++;
    }
    this.#queuedBytes -= bytes;
    this.#queued?.set(this.#queuedBytes);
    return this.#queue.splice(0, count).map(({ message }) => message);
  }

  #sendFrame(messages: readonly Message[]): void {
    this.#sendBytes(
      encodeMessagesFrame("append", this.#link.epoch, messages),
      messages.reduce((sum, message) => sum + entriesOf(message), 0),
    );
  }

  /** Takes the bytes over. */
  #sendBytes(bytes: Uint8Array, entries: number): void {
    this.#credit.tryTake({ entries, bytes: bytes.length });
    this.#creditUsed = true;
    if (this.#framesOut === 0) this.#lastProgressMs = performance.now();
    this.#framesOut++;
    this.#link.send(bytes, () => {
      letGo(bytes);
      this.#measure();
      this.#transfer?.wake();
      this.#pump();
    });
    this.#measure();
  }

  #measure(): void {
    this.#queued?.set(this.#queuedBytes);
    this.#buffered?.set(this.#link.open ? this.#link.bufferedBytes : 0);
  }

  #lost(fault: LinkFault): void {
    this.#cutTransfer();
    this.#drop(fault);
  }

  /** What waits is given up: replication has to probe. */
  #drop(fault: LinkFault): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#measure();
    this.#options.onLost(fault);
  }

  #watch(): void {
    if (!this.#link.open || (this.#framesOut === 0 && this.#queue.length === 0)) return;
    if (this.#transfer?.begun === false) {
      this.#lastProgressMs = performance.now();
      return;
    }
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
