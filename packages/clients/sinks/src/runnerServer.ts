import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AnnalsError } from "@annals/record";
import { METRICS_TYPE } from "./runnerMetrics.ts";

export interface RunnerRequest {
  readonly method: string;
  readonly path: string;
  /** The path's parts, decoded. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

export interface RunnerAnswer {
  readonly status: number;
  /** A text as it is, anything else as JSON. */
  readonly body: unknown;
}

/** One of a runner's programs, as far as its health is concerned. */
export interface RunnerHealth {
  readonly name: string;
  readonly state: string;
}

export interface RunnerServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** The text that Prometheus reads. */
  readonly metrics: () => Promise<string>;
  readonly health: () => readonly RunnerHealth[];
  /** Code of the answer for an error that has none of its own. */
  readonly unknownErrorCode: `ERR_${string}`;
  /** Everything else; an AnnalsError that it rejects with is told with its code. */
  readonly answer: (request: RunnerRequest) => Promise<RunnerAnswer> | RunnerAnswer;
}

const HEADERS_BYTES_MAX = 8_192;
const TIMEOUT_MS = 30_000;
const CONNECTIONS_MAX = 64;

/**
 * Where a runner of sinks or sources is asked: `/metrics` for Prometheus, `/healthz` (503 while one of its programs has failed), and what
 * the command asks. It asks nobody who they are: let it listen where only operators get.
 */
export class RunnerServer {
  readonly #server: Server;
  readonly #options: RunnerServerOptions;

  private constructor(options: RunnerServerOptions) {
    this.#options = options;
    this.#server = createServer({ maxHeaderSize: HEADERS_BYTES_MAX }, (request, response) => {
      request.resume();
      void this.#serve(request, response);
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.requestTimeout = TIMEOUT_MS;
  }

  /** Rejects with the error of the operating system when the port is taken. */
  static async listen(options: RunnerServerOptions): Promise<RunnerServer> {
    const made = new RunnerServer(options);
    await new Promise<void>((resolve, reject) => {
      made.#server.once("error", reject);
      made.#server.listen(options.port, options.host, resolve);
    });
    // Whoever could not be accepted asks again; the runner goes on.
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
    let answer: RunnerAnswer;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      const { unknownErrorCode } = this.#options;
      const { message, code } =
        error instanceof AnnalsError ? error : { message: String(error), code: unknownErrorCode };
      answer = { status: 409, body: { code, detail: message } };
    }
    const isText = typeof answer.body === "string";
    response.writeHead(answer.status, {
      "content-type": isText ? METRICS_TYPE : "application/json",
    });
    response.end(isText ? answer.body : `${JSON.stringify(answer.body)}\n`);
  }

  async #answer(request: IncomingMessage): Promise<RunnerAnswer> {
    const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://runner");
    const method = request.method ?? "";
    // A page in somebody's browser must not be able to stop anything.
    if (method === "POST" && request.headers.origin !== undefined)
      return { status: 403, body: { detail: "not from a browser" } };
    if (method === "GET" && pathname === "/metrics")
      return { status: 200, body: await this.#options.metrics() };
    if (method === "GET" && pathname === "/healthz") return healthAnswer(this.#options.health());
    const parts = pathname.split("/").slice(1).map(decodeURIComponent);
    return this.#options.answer({ method, path: pathname, parts, query });
  }
}

export function nothingAt(path: string): RunnerAnswer {
  return { status: 404, body: { detail: `there is no ${path}` } };
}

function healthAnswer(programs: readonly RunnerHealth[]): RunnerAnswer {
  const failed = programs.filter(({ state }) => state === "failed").map(({ name }) => name);
  const isWell = failed.length === 0;
  return {
    status: isWell ? 200 : 503,
    body: { status: isWell ? "ok" : "failed", failed: [...new Set(failed)] },
  };
}
