import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { AnnalsError } from "@annals/record";
import type { AddressInfo } from "node:net";
import type { SinkRunner } from "./run/runner.ts";
import { SinkError } from "./sinkError.ts";
import { sinkMetrics } from "./sinkMetrics.ts";

export interface StatusServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly runners: readonly SinkRunner<unknown>[];
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const HEADERS_BYTES_MAX = 8_192;
const TIMEOUT_MS = 30_000;
const CONNECTIONS_MAX = 64;

/**
 * What `annals sink list`, `show`, `pause`, `resume`, `retry`, `compare` and `plan` ask, and `/metrics` for Prometheus. It asks nobody who
 * they are: let it listen where only operators get.
 */
export class StatusServer {
  readonly #server: Server;
  readonly #runners: readonly SinkRunner<unknown>[];

  private constructor(runners: readonly SinkRunner<unknown>[]) {
    this.#runners = runners;
    this.#server = createServer({ maxHeaderSize: HEADERS_BYTES_MAX }, (request, response) => {
      request.resume();
      void this.#serve(request, response);
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.requestTimeout = TIMEOUT_MS;
  }

  /** Rejects with the error of the operating system when the port is taken. */
  static async listen({ host, port, runners }: StatusServerOptions): Promise<StatusServer> {
    const made = new StatusServer(runners);
    await new Promise<void>((resolve, reject) => {
      made.#server.once("error", reject);
      made.#server.listen(port, host, resolve);
    });
    // Whoever could not be accepted asks again; the sinks go on.
    made.#server.on("error", () => undefined);
    return made;
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      const { message, code } =
        error instanceof AnnalsError ? error : { message: String(error), code: "ERR_SINK" };
      answer = { status: 409, body: { code, detail: message } };
    }
    const isText = typeof answer.body === "string";
    response.writeHead(answer.status, {
      "content-type": isText ? "text/plain; version=0.0.4" : "application/json",
    });
    response.end(isText ? answer.body : `${JSON.stringify(answer.body)}\n`);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://sinks");
    const [, top = "", name, verb] = pathname.split("/").map(decodeURIComponent);
    const method = request.method ?? "";
    // A page in somebody's browser must not be able to stop a sink.
    if (method === "POST" && request.headers.origin !== undefined)
      return { status: 403, body: { detail: "not from a browser" } };
    if (method === "GET" && top === "metrics" && name === undefined)
      return { status: 200, body: sinkMetrics(this.#runners.map(({ status }) => status)) };
    if (top !== "sinks") return notFound(pathname);
    if (method === "GET" && name === undefined)
      return { status: 200, body: { items: this.#runners.map(({ status }) => status) } };
    const named = this.#runners.filter((runner) => runner.name === name);
    const [first] = named;
    if (name === undefined || name === "") return notFound(pathname);
    if (first === undefined) return this.#noSink(name);
    const seq = Number(searchParams.get("seq") ?? Number.NaN);
    switch (`${method} ${verb ?? ""}`) {
      case "GET ":
        return this.#statuses(named);
      case "POST pause":
        await Promise.all(named.map((runner) => runner.pause(AbortSignal.timeout(TIMEOUT_MS))));
        return this.#statuses(named);
      case "POST resume":
        await Promise.all(named.map((runner) => runner.resume(AbortSignal.timeout(TIMEOUT_MS))));
        return this.#statuses(named);
      case "POST retry":
        await retryInItsLane(named, seq);
        return this.#statuses(named);
      case "GET plan":
        return this.#plan(first, seq);
      case "GET held": {
        const [lane, from, to] = ["lane", "from", "to"].map((key) => Number(searchParams.get(key)));
        const runner = named.find((one) => one.status.lane === lane) ?? first;
        return { status: 200, body: await runner.held(from ?? 1, to ?? 1) };
      }
      default:
        return notFound(pathname);
    }
  }

  #statuses(runners: readonly SinkRunner<unknown>[]): Answer {
    return { status: 200, body: { items: runners.map(({ status }) => status) } };
  }

  #noSink(name: string): Answer {
    const names = [...new Set(this.#runners.map((runner) => runner.name))].join(", ");
    const detail = `there is no sink ${name} here; this runner has ${names === "" ? "none" : names}`;
    return { status: 404, body: { code: "ERR_SINK_NOT_FOUND", detail } };
  }

  async #plan(runner: SinkRunner<unknown>, seq: number): Promise<Answer> {
    const record = await runner.record(seq, AbortSignal.timeout(TIMEOUT_MS));
    if (record === undefined) return { status: 404, body: { detail: `no record ${seq}` } };
    return { status: 200, body: { seq, mutations: runner.plan(record) } };
  }
}

/** Each lane's runner knows which records are its own; one that does not run may be the one, and says more than those that are not. */
async function retryInItsLane(runners: readonly SinkRunner<unknown>[], seq: number): Promise<void> {
  const refusals: unknown[] = [];
  for (const runner of runners) {
    try {
      return await runner.retry(seq);
    } catch (error) {
      const isElsewhere = error instanceof SinkError && ELSEWHERE.has(error.code);
      if (!isElsewhere) throw error;
      refusals.push(error);
    }
  }
  throw refusals.find((one) => one instanceof SinkError && one.code === NOT_RUNNING) ?? refusals[0];
}

const NOT_RUNNING = "ERR_SINK_NOT_RUNNING";
const ELSEWHERE: ReadonlySet<string> = new Set(["ERR_SINK_NO_RECORD", NOT_RUNNING]);

function notFound(path: string): Answer {
  return { status: 404, body: { detail: `there is no ${path}` } };
}
