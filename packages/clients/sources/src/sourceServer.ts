import { nothingAt, RunnerServer } from "@annals/sinks";
import type { RunnerAnswer, RunnerRequest } from "@annals/sinks";
import type { Source } from "./source.ts";
import { sourceMetrics } from "./sourceMetrics.ts";
import type { SourceStatus } from "./status.ts";

export interface SourceServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly sources: readonly Source[];
}

/** What `annals source list` and `show` ask, `/metrics` and `/healthz`. */
export function serveSources({ host, port, sources }: SourceServerOptions): Promise<RunnerServer> {
  const statuses = (): readonly SourceStatus[] => sources.map(({ status }) => status);
  return RunnerServer.listen({
    host,
    port,
    metrics: () => sourceMetrics(statuses()),
    health: statuses,
    unknownErrorCode: "ERR_SOURCE",
    answer: (request) => answerOf(statuses(), request),
  });
}

function answerOf(
  statuses: readonly SourceStatus[],
  { method, path, parts: [top, name, ...more] }: RunnerRequest,
): RunnerAnswer {
  if (method !== "GET" || top !== "sources" || more.length > 0) return nothingAt(path);
  const items = statuses.filter((status) => name === undefined || status.name === name);
  return items.length === 0 ? nothingAt(path) : { status: 200, body: { items } };
}
