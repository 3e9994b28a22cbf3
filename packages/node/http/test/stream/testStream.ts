import { splitStreamMessage, streamHead } from "@annals/wire";
import type { StreamProtocol, StreamValue } from "@annals/wire";
import { WebSocket } from "ws";
import { until } from "@annals/fake-server";

export interface Received {
  readonly head: Readonly<Record<string, StreamValue>>;
  readonly body: Buffer;
}

/** A client of the stream that does what tests want, also what it should not. */
export class TestStream {
  readonly socket: WebSocket;
  readonly protocol: StreamProtocol;
  readonly received: Received[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  private constructor(url: string, protocol: StreamProtocol) {
    this.protocol = protocol;
    const options = { perMessageDeflate: false, autoPong: true };
    this.socket = new WebSocket(`${url.replace("http", "ws")}/v1/stream`, protocol, options);
    this.socket.on("message", (data) => {
      const { fields, body } = splitStreamMessage(protocol, data as Buffer);
      this.received.push({ head: Object.fromEntries(fields), body: Buffer.from(body) });
    });
    this.socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.socket.on("error", () => {});
  }

  static async open(url: string, protocol: StreamProtocol = "annals.v1.json"): Promise<TestStream> {
    const stream = new TestStream(url, protocol);
    await stream.next("open");
    return stream;
  }

  send(head: Readonly<Record<string, StreamValue>>, body: string | Uint8Array = ""): void {
    const bytes = Buffer.concat([
      streamHead(this.protocol, new Map(Object.entries(head))),
      Buffer.from(body),
    ]);
    this.socket.send(bytes, { binary: this.protocol === "annals.v1.msgpack" });
  }

  /** The oldest message of that kind that was not taken yet. */
  async next(kind: string): Promise<Received> {
    return until(() => {
      if (this.closed !== undefined) throw new Error(`closed with ${JSON.stringify(this.closed)}`);
      return this.#take(kind);
    });
  }

  #take(kind: string): Received | undefined {
    const at = this.received.findIndex(({ head }) => head["kind"] === kind);
    return at < 0 ? undefined : this.received.splice(at, 1)[0];
  }

  /** Seqs of all records that were received so far, in order; JSON only. */
  seqs(): number[] {
    return this.received
      .filter(({ head }) => head["kind"] === "records")
      .flatMap(({ body }) => recordsOf(body))
      .map(({ seq }) => seq);
  }

  async untilClosed(): Promise<{ readonly code: number; readonly reason: string }> {
    return until(() => this.closed);
  }

  /** The problem document of the next error. */
  async refusal(): Promise<{
    readonly code: string;
    readonly detail: string;
    readonly retryable: boolean;
    readonly id?: StreamValue;
  }> {
    const { head, body } = await until(() => this.#take("error"));
    const problem: { code: string; detail: string; retryable: boolean } = JSON.parse(
      body.toString(),
    );
    const { code, detail, retryable } = problem;
    return { code, detail, retryable, ...(head["id"] === undefined ? {} : { id: head["id"] }) };
  }

  close(): void {
    this.socket.terminate();
  }
}

export function recordsOf(body: Buffer): { readonly seq: number; readonly action: string }[] {
  const lines = body.toString().split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as never);
}

/** NDJSON of so many records, `a1` and on. */
export function bodyOf(count: number, from = 1, data = ""): string {
  return Array.from({ length: count }, (_, k) =>
    JSON.stringify({ actor: { id: "alice" }, action: `a${from + k}`, data: { data } }),
  ).join("\n");
}
