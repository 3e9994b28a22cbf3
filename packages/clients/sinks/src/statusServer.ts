import { nothingAt, RunnerServer } from "./runnerServer.ts";
import type { RunnerAnswer, RunnerRequest } from "./runnerServer.ts";
import type { SinkRunner } from "./run/runner.ts";
import type { SinkStatus } from "./run/status.ts";
import { SinkError } from "./sinkError.ts";
import { sinkMetrics } from "./sinkMetrics.ts";

export interface StatusServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly runners: readonly SinkRunner<unknown>[];
}

const TIMEOUT_MS = 30_000;

/** What `annals sink list`, `show`, `pause`, `resume`, `retry`, `compare` and `plan` ask. */
export class StatusServer {
  readonly #server: RunnerServer;

  private constructor(server: RunnerServer) {
    this.#server = server;
  }

  /** Rejects with the error of the operating system when the port is taken. */
  static async listen({ host, port, runners }: StatusServerOptions): Promise<StatusServer> {
    const desk = new SinkDesk(runners);
    const server = await RunnerServer.listen({
      host,
      port,
      metrics: async () => sinkMetrics(await measured(runners)),
      health: () => runners.map(({ status }) => status),
      unknownErrorCode: "ERR_SINK",
      answer: (request) => desk.answer(request),
    });
    return new StatusServer(server);
  }

  get port(): number {
    return this.#server.port;
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#server.close();
  }
}

class SinkDesk {
  readonly #runners: readonly SinkRunner<unknown>[];

  constructor(runners: readonly SinkRunner<unknown>[]) {
    this.#runners = runners;
  }

  async answer({ method, path, parts, query }: RunnerRequest): Promise<RunnerAnswer> {
    const [top = "", name, verb] = parts;
    if (top !== "sinks") return nothingAt(path);
    if (method === "GET" && name === undefined) return statusAnswer(this.#runners);
    const named = this.#runners.filter((runner) => runner.name === name);
    const [first] = named;
    if (name === undefined || name === "") return nothingAt(path);
    if (first === undefined) return this.#noSink(name);
    const seq = Number(query.get("seq") ?? Number.NaN);
    switch (`${method} ${verb ?? ""}`) {
      case "GET ":
        return statusAnswer(named);
      case "POST pause":
        await Promise.all(named.map((runner) => runner.pause(AbortSignal.timeout(TIMEOUT_MS))));
        return statusAnswer(named);
      case "POST resume":
        await Promise.all(named.map((runner) => runner.resume(AbortSignal.timeout(TIMEOUT_MS))));
        return statusAnswer(named);
      case "POST retry":
        await retryInItsLane(named, seq);
        return statusAnswer(named);
      case "GET plan":
        return this.#plan(first, seq);
      case "GET held": {
        const [lane, from, to] = ["lane", "from", "to"].map((key) => Number(query.get(key)));
        const runner = named.find((one) => one.status.lane === lane) ?? first;
        return { status: 200, body: await runner.held(from ?? 1, to ?? 1) };
      }
      default:
        return nothingAt(path);
    }
  }

  #noSink(name: string): RunnerAnswer {
    const names = [...new Set(this.#runners.map((runner) => runner.name))].join(", ");
    const detail = `there is no sink ${name} here; this runner has ${names === "" ? "none" : names}`;
    return { status: 404, body: { code: "ERR_SINK_NOT_FOUND", detail } };
  }

  async #plan(runner: SinkRunner<unknown>, seq: number): Promise<RunnerAnswer> {
    const record = await runner.record(seq, AbortSignal.timeout(TIMEOUT_MS));
    if (record === undefined) return { status: 404, body: { detail: `no record ${seq}` } };
    return { status: 200, body: { seq, mutations: runner.plan(record) } };
  }
}

async function statusAnswer(runners: readonly SinkRunner<unknown>[]): Promise<RunnerAnswer> {
  return { status: 200, body: { items: await measured(runners) } };
}

function measured(runners: readonly SinkRunner<unknown>[]): Promise<readonly SinkStatus[]> {
  return Promise.all(runners.map((runner) => runner.measuredStatus()));
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
