import type { WideNumbers } from "@annals/record";
import { ClientError, errorOfAnswer } from "./clientError.ts";
import { recordsOf } from "./recordText.ts";
import { TextSize } from "./textSize.ts";
import type { StreamSocket, Transport } from "./transport.ts";
import type { StoredRecord } from "./types.ts";

/** Everything that matches up to seq `to`, after what was delivered before. */
export interface Delivery {
  readonly records: readonly StoredRecord[];
  readonly to: number;
  readonly bytes: number;
}

export interface RecordStreamOptions {
  /** Base URL of a node. */
  readonly url: string;
  /** The message that begins the subscription, but its id and credit. */
  readonly request: Readonly<Record<string, string | number>>;
  /** Records and bytes that may be on their way or wait to be taken; the last page may cross the bytes. */
  readonly maxRecords: number;
  readonly maxBytes: number;
  /** Milliseconds without a word from a node that owes one. */
  readonly silenceMs: number;
  readonly wideNumbers: WideNumbers;
  readonly transport: Pick<Transport, "openSocket">;
}

const ID = 1;
/** `readyState` of a socket that messages can be sent on. */
const OPEN = 1;
const CLOSE_NORMAL = 1000;
/** Stands for a connection that ended without a close frame (RFC 6455, section 7.4.1). */
const CLOSE_ABNORMAL = 1006;

/** A message's fields. */
export type StreamHead = Readonly<Record<string, unknown>>;

/**
 * One connection of the client stream with one subscription. What the node may send is bounded by credit, which is given back as
 * deliveries are taken; a node that owes a word and keeps silent is given up.
 */
export class RecordStream {
  readonly #options: RecordStreamOptions;
  readonly #socket: StreamSocket;
  readonly #size = new TextSize();
  #silence: ReturnType<typeof setInterval> | undefined;
  readonly #queue: Delivery[] = [];
  /** Granted and not delivered. */
  #owedRecords = 0;
  #owedBytes = 0;
  /** The window: what was asked for, within what the node allows. */
  #window = 0;
  /** Taken and not granted again. */
  #taken = { records: 0, bytes: 0 };
  #opened = false;
  #failure: ClientError | undefined;
  #wake: () => void = () => {};

  constructor(options: RecordStreamOptions) {
    this.#options = options;
    this.#socket = options.transport.openSocket(
      `${options.url.replace(/^http/, "ws")}/v1/stream`,
      "annals.v1.json",
    );
    this.#socket.addEventListener("message", ({ data }) => this.#message(data));
    this.#socket.addEventListener("close", ({ code, reason }) => this.#lost(code, reason));
    // Node 22 tells of a connection that failed only so.
    this.#socket.addEventListener("error", () => {
      if (!this.#opened) this.#lost(CLOSE_ABNORMAL, "");
    });
    this.#heard();
  }

  /** The next delivery. Rejects with the error that ended the stream, once what came before is delivered. */
  async next(): Promise<Delivery> {
    for (;;) {
      const delivery = this.#queue.shift();
      if (delivery !== undefined) return delivery;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** What ended the stream. */
  protected get failure(): ClientError | undefined {
    return this.#failure;
  }

  /** Everything up to `seq` is dealt with: says so at once. */
  protected ack(seq: number): void {
    this.#send({ kind: "ack", id: ID, seq });
  }

  /** A message that is neither a delivery nor an error. */
  protected noticed(_head: StreamHead): void {}

  /** The stream has ended; called once. */
  protected failed(_error: ClientError): void {}

  /** The consumer is done with a delivery. */
  took({ records, bytes, to }: Delivery): void {
    this.#taken = {
      records: this.#taken.records + records.length,
      bytes: this.#taken.bytes + bytes,
    };
    const { maxBytes } = this.#options;
    // By halves: the node goes on with the other half meanwhile.
    if (this.#taken.records * 2 < this.#window && this.#taken.bytes * 2 < maxBytes) return;
    this.ack(to);
    this.#grant(this.#taken, { kind: "credit" });
    this.#taken = { records: 0, bytes: 0 };
  }

  /** Ends the stream; `next` rejects with `reason` if it waits. Idempotent. */
  close(reason: ClientError = new ClientError("ERR_ABORTED", "the subscription was ended")): void {
    this.#fail(reason);
    this.#socket.close(CLOSE_NORMAL);
  }

  #message(data: unknown): void {
    try {
      if (typeof data !== "string") throw new SyntaxError("not a text");
      const end = data.indexOf("\n");
      const head: StreamHead = JSON.parse(end < 0 ? data : data.slice(0, end)) as StreamHead;
      this.#heard();
      this.#handle(head, end < 0 ? "" : data.slice(end + 1));
    } catch (cause) {
      const { url } = this.#options;
      const what = `${url} sent something that is no message of the stream`;
      this.close(new ClientError("ERR_ANSWER_INVALID", what, { cause }));
    }
  }

  #handle(head: StreamHead, body: string): void {
    switch (head["kind"]) {
      case "open":
        this.#subscribe(Number(head["maxUnacked"]));
        return;
      case "records":
        this.#deliver(
          recordsOf(body, this.#options.wideNumbers),
          Number(head["to"]),
          this.#size.bytesOf(body),
        );
        return;
      case "caughtUp":
        this.#deliver([], Number(head["seq"]), 0);
        return;
      case "error": {
        const problem = JSON.parse(body) as { readonly status?: number };
        this.close(errorOfAnswer(problem.status ?? 500, problem, null, this.#options.url));
        return;
      }
      default:
        // Those of a later version are nothing that this one has asked for.
        this.noticed(head);
    }
  }

  #subscribe(maxUnacked: number): void {
    const { request, maxRecords, maxBytes } = this.#options;
    this.#opened = true;
    this.#window = Math.min(maxRecords, maxUnacked);
    this.#grant({ records: this.#window, bytes: maxBytes }, request);
  }

  #grant(credit: { readonly records: number; readonly bytes: number }, request: StreamHead): void {
    this.#owedRecords += credit.records;
    this.#owedBytes += credit.bytes;
    this.#send({ id: ID, ...request, ...credit });
  }

  #deliver(records: readonly StoredRecord[], to: number, bytes: number): void {
    this.#owedRecords -= records.length;
    this.#owedBytes -= bytes;
    // Only how far nothing was found: one such is enough, however long the consumer is busy.
    if (records.length === 0 && this.#queue.at(-1)?.records.length === 0) this.#queue.pop();
    this.#queue.push({ records, to, bytes });
    this.#wake();
  }

  #send(head: StreamHead): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(JSON.stringify(head));
  }

  /** The node has said something: the time that it may keep silent begins again, unless the stream has ended. */
  #heard(): void {
    clearInterval(this.#silence);
    if (this.#failure !== undefined) return;
    this.#silence = setInterval(() => this.#silent(), this.#options.silenceMs);
  }

  /** A node without credit has nothing to say. */
  #silent(): void {
    if (this.#opened && (this.#owedRecords <= 0 || this.#owedBytes <= 0)) return;
    const { url, silenceMs } = this.#options;
    const what = `${url} said nothing for ${silenceMs} ms`;
    this.close(new ClientError("ERR_TIMEOUT", what, { retryable: true }));
  }

  #lost(code: number, reason: string): void {
    const { url } = this.#options;
    const lost = { retryable: true, notAccepted: true } as const;
    this.#fail(
      this.#opened
        ? new ClientError("ERR_STREAM_LOST", `${url} closed the stream (${code} ${reason})`, lost)
        : new ClientError("ERR_CONNECT_FAILED", `cannot open a stream to ${url}`, lost),
    );
  }

  #fail(error: ClientError): void {
    clearInterval(this.#silence);
    if (this.#failure === undefined) {
      this.#failure = error;
      this.failed(error);
    }
    this.#wake();
  }
}
