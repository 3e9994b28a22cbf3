import type { Duplex } from "node:stream";
import { MovableBody } from "@annals/channel";
import { SOCKET_READ_BYTES, STREAM_APPENDS_MAX, STREAM_UNREAD_BYTES_MAX } from "@annals/config";
import { Gauge } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import { ownBytes } from "@annals/transport";
import {
  appendedHead,
  splitStreamMessage,
  STREAM_HEAD_BYTES_MAX,
  streamHead,
  WireError,
} from "@annals/wire";
import type { StreamFields, StreamProtocol, StreamValue } from "@annals/wire";
import type { RawData, WebSocket } from "ws";
import { httpError, problemOf } from "../problem.ts";
import { parseAddress, parseClientHead } from "./clientHead.ts";
import type { ClientHead } from "./clientHead.ts";
import { StreamAppends } from "./streamAppends.ts";
import type { StreamContext } from "./streamContext.ts";
import { StreamSubscriptions } from "./streamSubscriptions.ts";
import { TurnWrites } from "./turnWrites.ts";

const CLOSE_GOING_AWAY = 1001;
const CLOSE_TRY_LATER = 1013;
const CLOSE_PROTOCOL = 4002;
/** Pings without any answer, looks without any page taken or with a large message not whole, before a client is given up. */
const SILENT_LOOKS = 3;
const CLOSE_GRACE_MS = 1_000;

/** One client: takes its messages apart, runs its subscriptions and appends, cuts it off when it breaks the protocol or takes nothing. */
export class StreamConnection {
  readonly #socket: WebSocket;
  readonly #connection: Duplex;
  readonly #writes: TurnWrites;
  readonly #protocol: StreamProtocol;
  readonly #context: StreamContext;
  readonly #appends: StreamAppends;
  readonly #subscriptions: StreamSubscriptions;
  readonly #unread: Gauge;
  readonly #timer: NodeJS.Timeout;
  /** What the socket has brought of a message that is not whole yet, at most. */
  #receivedBytes = 0;
  /** Gives back the room that a large one has taken so far. */
  #received: (() => void) | undefined;
  /** Messages that the socket has taken, ever. */
  #taken = 0;
  #waiting = 0;
  /** Looks since something was heard, taken, or received as a whole while there was anything to. */
  #silentLooks = 0;
  #heardMs = 0;
  #stalledLooks = 0;
  #partialLooks = 0;
  #takenBefore = 0;
  #closed = false;

  constructor(
    socket: WebSocket,
    connection: Duplex,
    protocol: StreamProtocol,
    context: StreamContext,
    onClose: () => void,
  ) {
    this.#socket = socket;
    this.#connection = connection;
    this.#writes = new TurnWrites(
      connection,
      protocol === "annals.v1.msgpack",
      () => socket.readyState === socket.OPEN,
    );
    this.#protocol = protocol;
    this.#context = context;
    this.#unread = context.ledger.family("stream.unread").gauge(STREAM_UNREAD_BYTES_MAX);
    this.#appends = new StreamAppends({
      ...context,
      maxBytes: context.maxBodyBytes,
      answer: (id, answer, whenTaken) =>
        this.#sendSmall([appendedHead(this.#protocol, id, answer)], whenTaken),
      refuse: (id, problem, whenTaken) => this.#refuse(id, problem, whenTaken),
    });
    this.#subscriptions = new StreamSubscriptions({
      context,
      format: protocol === "annals.v1.msgpack" ? "msgpack" : "ndjson",
      send: (fields, body, whenTaken) => this.#send(fields, body, whenTaken),
      refuse: (id, error) => this.#refuseFor(id, error),
      ping: () => this.#socket.ping(),
      heardMs: () => this.#heardMs,
    });
    connection.on("data", this.#count);
    socket.on("message", (data, isBinary) => this.#message(data, isBinary));
    socket.on("pong", () => this.#hear());
    // Answered by hand: what a client that reads nothing makes us answer is counted.
    socket.on("ping", (data) => this.#pong(data));
    // What is wrong with a frame, ws has answered with its close code; `close` follows.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#end();
      this.#unread.set(0);
      onClose();
    });
    this.#timer = setInterval(() => this.#look(), context.pingMs);
    this.#timer.unref();
    this.#send(
      new Map<string, StreamValue>([
        ["kind", "open"],
        ["node", context.node],
        ["appends", STREAM_APPENDS_MAX],
        ["bytes", context.maxBodyBytes],
        ["maxUnacked", context.maxUnacked],
      ]),
    );
  }

  /** Ends the subscriptions, answers what was appended, then says good-bye; cut off after `graceMs`. Resolves when it is closed. */
  async stop(graceMs: number): Promise<void> {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    if (this.#socket.readyState === this.#socket.CLOSED) return;
    this.#socket.once("close", resolve);
    this.#subscriptions.endAll();
    this.#cutAfter(graceMs);
    await Promise.race([this.#appends.stop(), closed]);
    this.#writes.flush();
    this.#socket.close(CLOSE_GOING_AWAY, "ERR_NODE_STOPPING");
    await closed;
  }

  #cutAfter(ms: number): void {
    const cut = setTimeout(() => this.#socket.terminate(), ms);
    this.#socket.once("close", () => clearTimeout(cut));
  }

  /** ws gathers a message in memory until it is whole: beyond one read of the socket that counts as the body of a request does. */
  readonly #count = (chunk: Uint8Array): void => {
    this.#receivedBytes += chunk.length;
    if (this.#closed || this.#receivedBytes <= SOCKET_READ_BYTES) return;
    this.#releaseReceived();
    try {
      this.#received = this.#context.desk.reserve(this.#receivedBytes);
    } catch (error) {
      this.#fail(CLOSE_TRY_LATER, error);
    }
  };

  #releaseReceived(): void {
    this.#received?.();
    this.#received = undefined;
  }

  #message(data: RawData, isBinary: boolean): void {
    this.#receivedBytes = 0;
    this.#releaseReceived();
    this.#partialLooks = 0;
    this.#hear();
    if (this.#closed) return;
    try {
      const { fields, body } = this.#split(data, isBinary);
      const address = parseAddress(fields);
      const head = this.#parse(address, fields);
      if (head !== undefined) this.#handle(head, body);
    } catch (error) {
      this.#fail(CLOSE_PROTOCOL, error);
    }
  }

  #split(data: RawData, isBinary: boolean): { fields: StreamFields; body: Uint8Array } {
    const expected = this.#protocol === "annals.v1.msgpack";
    if (isBinary !== expected || !(data instanceof Uint8Array))
      throw malformed(`${this.#protocol} has ${expected ? "binary" : "text"} messages`);
    try {
      return splitStreamMessage(this.#protocol, ownBytes(data));
    } catch (error) {
      if (error instanceof WireError) throw malformed(error.message, error.details);
      throw error;
    }
  }

  /** A head that is well-formed and asks for what cannot be is refused alone. */
  #parse(address: ReturnType<typeof parseAddress>, fields: StreamFields): ClientHead | undefined {
    const standard = this.#protocol === "annals.v1.msgpack" ? "msgpack" : "json";
    try {
      return parseClientHead(address, fields, standard);
    } catch (error) {
      this.#refuseFor(address.id, error);
      return undefined;
    }
  }

  #handle(head: ClientHead, body: Uint8Array): void {
    switch (head.kind) {
      case "append":
        // The memory of a message is its own.
        this.#appends.take(head, MovableBody.own(body));
        return;
      case "subscribe":
      case "consume":
        this.#subscribe(head);
        return;
      case "credit":
        this.#subscriptions.grant(head.id, head.records, head.bytes);
        return;
      case "ack":
        this.#subscriptions.ack(head.id, head.seq);
        return;
      case "unsubscribe":
        this.#subscriptions.end(head.id);
        return;
      default:
        head satisfies never;
    }
  }

  #subscribe(head: Extract<ClientHead, { kind: "subscribe" | "consume" }>): void {
    if (this.#subscriptions.has(head.id))
      throw malformed(`subscription ${head.id} is open already`, { field: "id" });
    this.#subscriptions.begin(head);
  }

  #refuseFor(id: number, error: unknown): void {
    const problem = problemOf(error);
    if (problem.code === "ERR_INTERNAL") this.#context.onFault(error);
    this.#refuse(id, Buffer.from(JSON.stringify(problem)));
  }

  #refuse(id: number | undefined, problem: Uint8Array, whenTaken?: () => void): void {
    const fields = new Map<string, StreamValue>([["kind", "error"]]);
    if (id !== undefined) fields.set("id", id);
    // As large as a head, and counted with them.
    this.#sendSmall([streamHead(this.#protocol, fields), problem], whenTaken);
  }

  /** Sends a head, and a body that the subscription accounts for. `whenTaken` is called once, whatever happens. */
  #send(fields: StreamFields, body?: Uint8Array, whenTaken?: () => void): void {
    const head = streamHead(this.#protocol, fields);
    if (body === undefined) {
      this.#sendSmall([head], whenTaken);
      return;
    }
    const binary = this.#protocol === "annals.v1.msgpack";
    this.#waiting++;
    this.#writes.hold();
    this.#socket.send(head, { binary, fin: false });
    this.#socket.send(body, { binary, fin: true }, () => {
      this.#waiting--;
      this.#taken++;
      whenTaken?.();
    });
  }

  #sendSmall(parts: readonly Uint8Array[], whenTaken?: () => void): void {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.#addUnread(bytes);
    this.#writes.add(parts, () => {
      this.#removeUnread(bytes);
      whenTaken?.();
    });
    this.#assertRead();
  }

  /** A sign of life. */
  #hear(): void {
    this.#silentLooks = 0;
    this.#heardMs = performance.now();
  }

  #pong(data: Buffer): void {
    this.#hear();
    this.#addUnread(data.length);
    this.#socket.pong(data, false, () => this.#removeUnread(data.length));
    this.#assertRead();
  }

  #addUnread(bytes: number): void {
    if (!this.#closed) this.#unread.add(bytes);
  }

  #removeUnread(bytes: number): void {
    this.#taken++;
    this.#unread.remove(Math.min(bytes, this.#unread.current));
  }

  /** Whoever leaves so many answers unread has stopped reading: it asks and does not listen. */
  #assertRead(): void {
    if (this.#closed || this.#unread.current < this.#unread.cap) return;
    this.#cutOff();
  }

  /** Pings, and gives up a client that answers none, or for as long takes nothing of what it has asked for or ends no message. */
  #look(): void {
    this.#socket.ping();
    this.#silentLooks++;
    const moves = this.#waiting === 0 || this.#taken > this.#takenBefore;
    this.#takenBefore = this.#taken;
    this.#stalledLooks = moves ? 0 : this.#stalledLooks + 1;
    this.#partialLooks = this.#received === undefined ? 0 : this.#partialLooks + 1;
    const looks = Math.max(this.#silentLooks, this.#stalledLooks, this.#partialLooks);
    if (looks > SILENT_LOOKS) this.#cutOff();
  }

  /** It would not read a good-bye. */
  #cutOff(): void {
    this.#context.ledger.paused("subscriber-stalled");
    this.#end();
    this.#socket.terminate();
  }

  /** Ends the stream with a problem document and a code. */
  #fail(code: number, error: unknown): void {
    if (this.#closed) return;
    if (!(error instanceof AnnalsError)) this.#context.onFault(error);
    const problem = problemOf(error);
    this.#refuse(undefined, Buffer.from(JSON.stringify(problem)));
    this.#end();
    this.#writes.flush();
    this.#socket.close(code, problem.code);
    // What else it sends is not wanted, and may be large.
    this.#cutAfter(CLOSE_GRACE_MS);
  }

  /** Nothing is handled or begun from now on. Idempotent. */
  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#connection.off("data", this.#count);
    this.#releaseReceived();
    this.#subscriptions.endAll();
  }
}

/** The largest message that is taken. */
export function maxMessageBytes(maxBodyBytes: number): number {
  return maxBodyBytes + STREAM_HEAD_BYTES_MAX + 1;
}

function malformed(message: string, details: Readonly<Record<string, unknown>> = {}): AnnalsError {
  return httpError("ERR_STREAM_MALFORMED", message, { details: { ...details } });
}
