import { decodeRecord, splitStreamMessage, streamHead } from "@annals/wire";
import type { StreamFields } from "@annals/wire";
import { BenchError } from "../benchError.ts";
import { FrameSocket, frameHeader } from "./frameSocket.ts";

const PROTOCOL = "annals.v1.msgpack";
/** Credit in records; the node holds back by what is not acknowledged, and every page is at once. */
const CREDIT = 2 ** 40;

export interface ConsumerOptions {
  /** `host:port` */
  readonly address: string;
  readonly log: string;
  /** The first seq that is wanted. */
  readonly from: number;
  /** Whether every record is decoded into an object, as a program has it; else it stays bytes. */
  readonly decode: boolean;
  /** Everything up to `to` has come. */
  readonly onPage: (page: {
    readonly to: number;
    readonly count: number;
    readonly bytes: number;
  }) => void;
  readonly onEnd: (error: Error) => void;
}

/** Follows a log over the client stream and acknowledges every page at once. */
export class Consumer {
  readonly #options: ConsumerOptions;
  #socket: FrameSocket | undefined;
  #closed = false;

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { address, onEnd } = this.#options;
    this.#socket = await FrameSocket.connect(address, "/v1/stream", PROTOCOL, {
      onMessage: (payload) => this.#message(payload),
      onClose: () => {
        if (!this.#closed)
          onEnd(new BenchError("ERR_BENCH_CONNECT", `${address} closed the subscription`));
      },
    });
  }

  close(): void {
    this.#closed = true;
    this.#socket?.close();
  }

  #message(payload: Buffer): void {
    const { fields, body } = splitStreamMessage(PROTOCOL, payload);
    const { log, from, onEnd, onPage } = this.#options;
    switch (fields.get("kind")) {
      case "open":
        this.#send({ kind: "subscribe", id: 1, log, from, records: CREDIT });
        return;
      case "records": {
        const [to, count] = [Number(fields.get("to")), Number(fields.get("count"))];
        if (this.#options.decode) decodeAll(body, count);
        this.#send({ kind: "ack", id: 1, seq: to });
        onPage({ to, count, bytes: body.length });
        return;
      }
      case "error": {
        const text = Buffer.from(body).toString("utf8");
        onEnd(new BenchError("ERR_BENCH_CLUSTER", `the subscription ended: ${text}`));
        return;
      }
      default:
    }
  }

  #send(head: Readonly<Record<string, string | number>>): void {
    const bytes = streamHead(PROTOCOL, new Map(Object.entries(head)) satisfies StreamFields);
    this.#socket?.send(frameHeader(bytes.length), bytes);
  }
}

/** Records are one map after the other: with a head in front they are one array. */
function decodeAll(body: Uint8Array, count: number): void {
  const array = Buffer.allocUnsafe(5 + body.length);
  array[0] = 0xdd;
  array.writeUInt32BE(count, 1);
  array.set(body, 5);
  decodeRecord(array);
}
