import { Agent, request as httpRequest } from "node:http";
import type { ClientRequest, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { pipeline } from "node:stream";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { Gauge } from "@annals/flow";
import { httpError } from "./problem.ts";

/** Says that a request was passed on once: the receiver answers it or refuses it, and never passes it on again. */
export const HOP_HEADER = "annals-forwarded";

/** Headers that mean something to the leader. Everything else concerns only the hop it was sent on. */
const PASSED_ON = ["content-type", "annals-producer", "annals-timeout", "accept"] as const;
const PASSED_BACK = [
  "content-type",
  "content-disposition",
  "content-length",
  "cache-control",
  "etag",
  "retry-after",
  "allow",
  "location",
  "annals-leader",
  "x-content-type-options",
] as const;

/** Room for the leader to answer a forwarded request after its own deadline. */
export const FORWARD_GRACE_MS = 1_000;

/** Between two moments at which bytes of a stream move. */
const IDLE_MS = 30_000;

export interface Forwarded {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface ForwardRequest {
  readonly address: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** Milliseconds until the answer must be here. */
  readonly timeoutMs: number;
  /** The largest answer that the route may give: `FORWARDED_ANSWER_BYTES`. A larger one is not held. */
  readonly maxAnswerBytes: number;
}

export interface ForwardStream
  extends Omit<ForwardRequest, "body" | "timeoutMs" | "maxAnswerBytes"> {
  readonly body: Readable | undefined;
}

export interface ForwardedStream extends Omit<Forwarded, "body"> {
  readonly body: Readable;
}

/** Passes requests on to the leader, bytes as they are, over kept connections. */
export class Forwarder {
  readonly #self: string;
  readonly #agent: Agent;
  readonly #busy: Gauge;
  /** Connections that have a listener of their own: a request lets go of its connection before an error of it may be told. */
  readonly #owned = new WeakSet<Socket>();

  /** `busy` counts the connections that carry a request; its cap is that of connections to all leaders. */
  constructor(self: string, busy: Gauge) {
    this.#self = self;
    this.#busy = busy;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: busy.cap,
      maxTotalSockets: busy.cap,
      maxFreeSockets: 16,
    });
  }

  /**
   * Rejects with ERR_LEADER_UNREACHABLE when the request never left, ERR_OUTCOME_UNKNOWN when it may have arrived: no answer in time, a
   * connection that broke, or an answer that is larger than it may be.
   */
  forward(forward: ForwardRequest): Promise<Forwarded> {
    return new Promise((resolve, reject) => {
      let connected = false;
      const outgoing = httpRequest(`http://${forward.address}${forward.path}`, {
        method: forward.method,
        agent: this.#agent,
        headers: this.#headers(forward.headers, String(forward.body.length)),
      });
      const fail = (cause: unknown): void => reject(failure(forward.address, connected, cause));
      const giveUp = (why: string): void => {
        fail(new Error(why));
        drop(outgoing);
      };
      const timer = setTimeout(
        () => giveUp(`no answer for ${forward.timeoutMs} ms`),
        forward.timeoutMs,
      );
      outgoing.once("close", () => clearTimeout(timer));
      this.#watch(outgoing);
      outgoing.on("socket", (socket) => {
        // Bytes leave when there is a connection; until then nothing can have arrived.
        if (!socket.connecting) connected = true;
        else socket.once("connect", () => (connected = true));
      });
      outgoing.on("error", fail);
      outgoing.on("response", (answer) => {
        const { maxAnswerBytes } = forward;
        const parts: Buffer[] = [];
        let bytes = 0;
        answer.on("data", (part: Buffer) => {
          bytes += part.length;
          if (bytes > maxAnswerBytes) giveUp(`the answer has more than ${maxAnswerBytes} bytes`);
          else parts.push(part);
        });
        answer.on("error", fail);
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 502,
            headers: passedBack(answer.headers),
            body: Buffer.concat(parts),
          }),
        );
      });
      outgoing.end(forward.body);
    });
  }

  /**
   * The same for what does not fit memory: both ways as streams, cut when nothing moves for `IDLE_MS`. Rejects with
   * ERR_LEADER_UNREACHABLE; nothing is lost by a second try: blobs are named by what they hold, and a question changes nothing.
   */
  stream(forward: ForwardStream): Promise<ForwardedStream> {
    return new Promise((resolve, reject) => {
      const { address, method, path, body } = forward;
      const length = body === undefined ? undefined : forward.headers["content-length"];
      const outgoing = httpRequest(`http://${address}${path}`, {
        method,
        agent: this.#agent,
        timeout: IDLE_MS,
        headers: this.#headers(forward.headers, length ?? "0"),
      });
      const fail = (cause: unknown): void => reject(failure(address, false, cause));
      this.#watch(outgoing);
      outgoing.on("timeout", () => {
        fail(new Error(`nothing moved for ${IDLE_MS} ms`));
        drop(outgoing);
      });
      outgoing.on("error", fail);
      outgoing.on("response", (answer) => {
        const status = answer.statusCode ?? 502;
        resolve({ status, headers: passedBack(answer.headers), body: answer });
      });
      if (body === undefined) outgoing.end();
      else pipeline(body, outgoing, () => undefined);
    });
  }

  /** Counts the connection, and owns its errors for as long as it lives. */
  #watch(outgoing: ClientRequest): void {
    outgoing.once("socket", (socket) => {
      this.#busy.add(1);
      outgoing.once("close", () => this.#busy.remove(1));
      if (this.#owned.has(socket)) return;
      this.#owned.add(socket);
      socket.on("error", () => undefined);
    });
  }

  #headers(headers: IncomingHttpHeaders, length: string): OutgoingHttpHeaders {
    const passed: Record<string, string> = {
      [HOP_HEADER]: this.#self,
      "content-length": length,
    };
    for (const name of PASSED_ON) {
      const value = headers[name];
      if (value !== undefined) passed[name] = String(value);
    }
    return passed;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/**
 * Without an error: when the whole answer came in one read, the connection is in the pool already, and would tell an error to nobody, which
 * ends the process. The caller has rejected by now.
 */
function drop(outgoing: ClientRequest): void {
  outgoing.destroy();
}

function failure(address: string, connected: boolean, cause: unknown): Error {
  return connected
    ? httpError(
        "ERR_OUTCOME_UNKNOWN",
        `the leader at ${address} took the request and did not answer: whether it was carried out is unknown`,
        { retryable: true, cause },
      )
    : httpError("ERR_LEADER_UNREACHABLE", `cannot connect to the leader at ${address}`, {
        retryable: true,
        cause,
      });
}

function passedBack(headers: IncomingHttpHeaders): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of PASSED_BACK) {
    const value = headers[name];
    if (typeof value === "string") out[name] = value;
  }
  return out;
}
