import type { SinkStatus } from "@annals/sinks";
import type { SourceStatus } from "@annals/sources";
import type { Command } from "commander";
import { CliError, usageError } from "../program/cliError.ts";
import { EXIT } from "../program/exitCodes.ts";

export const DEFAULT_LISTEN = "127.0.0.1:7490";
export const DEFAULT_SOURCE_LISTEN = "127.0.0.1:7491";
const TIMEOUT_MS = 40_000;
const PORT_MAX = 65_535;

/** The option that says which runner is asked. */
export function withRunner(command: Command, kind: "sink" | "source"): Command {
  const address = kind === "sink" ? DEFAULT_LISTEN : DEFAULT_SOURCE_LISTEN;
  return command.option("--runner <host:port>", `where \`annals ${kind} run\` listens`, address);
}

export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^([^\s:]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2] ?? Number.NaN);
  if (match?.[1] === undefined || !(port <= PORT_MAX))
    throw usageError(`${text}: expected host:port`);
  return { host: match[1], port };
}

/** Asks a running `annals sink run`. Rejects with ERR_RUNNER_UNREACHABLE, or ERR_RUNNER_REFUSED and what it said. */
export async function askRunner(
  runner: string,
  method: "GET" | "POST",
  path: string,
): Promise<readonly SinkStatus[]> {
  const { items } = await askRunnerFor<{ readonly items?: readonly SinkStatus[] }>(
    runner,
    method,
    path,
  );
  return items ?? [];
}

/** Asks a running `annals source run` for all of its sources, or one. */
export async function askSourceRunner(
  runner: string,
  name?: string,
): Promise<readonly SourceStatus[]> {
  const path = name === undefined ? "/sources" : `/sources/${encodeURIComponent(name)}`;
  const { items } = await askRunnerFor<{ readonly items?: readonly SourceStatus[] }>(
    runner,
    "GET",
    path,
    "source",
  );
  return items ?? [];
}

export function sinkPath(name: string): string {
  return `/sinks/${encodeURIComponent(name)}`;
}

/** The same, for what is not a status. */
export async function askRunnerFor<Answer>(
  runner: string,
  method: "GET" | "POST",
  path: string,
  kind: "sink" | "source" = "sink",
): Promise<Answer> {
  const { host, port } = parseListen(runner);
  let response: Response;
  let answer: Answer & { readonly detail?: string; readonly code?: string };
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(`http://${host}:${port}${path}`, { method, signal });
    answer = (await response.json()) as typeof answer;
  } catch (cause) {
    throw new CliError(
      "ERR_RUNNER_UNREACHABLE",
      `nothing that runs ${kind}s answers at ${runner}`,
      {
        exitCode: EXIT.cannotConnect,
        hint: `\`annals ${kind} run FILE\` starts them; --runner says where they are asked`,
        cause,
      },
    );
  }
  if (response.ok) return answer;
  const { code = "" } = answer;
  throw new CliError(
    isCode(code) ? code : "ERR_RUNNER_REFUSED",
    answer.detail ?? `the runner answered ${response.status}`,
    {
      exitCode: response.status === 404 ? EXIT.notFound : EXIT.failed,
    },
  );
}

function isCode(text: string): text is `ERR_${string}` {
  return /^ERR_[A-Z0-9_]{1,60}$/.test(text);
}
