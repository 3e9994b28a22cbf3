import type { NodeConfig } from "@annals/config";
import type { RunningNode } from "@annals/node";
import type { Command } from "commander";
import { examples } from "../program/context.ts";
import type { CliContext } from "../program/context.ts";
import type { ExitCode } from "../program/exitCodes.ts";
import { letHeapsGrow } from "./heapGrowth.ts";
import { loadOrThrow, withConfig } from "../config/config.ts";
import type { ConfigOptions } from "../config/config.ts";

interface StartOptions extends ConfigOptions {
  readonly stopWithStdin?: boolean;
}

export function registerStart(program: Command, context: CliContext): void {
  const command = withConfig(
    program
      .command("start")
      .description("run one node in the foreground; Ctrl-C or SIGTERM stops it gracefully"),
  ).option(
    "--stop-with-stdin",
    "stop when stdin ends: a supervisor that dies takes the node along",
  );
  examples(command, [
    "annals start -c annals.yaml --node a",
    "ANNALS_NODE=a annals start -c /etc/annals.yaml",
  ]);
  command.action((options: StartOptions) => start(context, options));
}

async function start(context: CliContext, options: StartOptions): Promise<void> {
  const { config } = loadOrThrow(context, options, false);
  letHeapsGrow();
  const node = await startUnlessStopped(context, config);
  if (node === undefined) return;
  const stop = (): void => {
    // The outcome is told by `closed`.
    node.close().catch(() => undefined);
  };
  if (context.interrupt.aborted) stop();
  context.interrupt.addEventListener("abort", stop, { once: true });
  if (options.stopWithStdin === true) void stdinEnded(context).then(stop);
  await context.note(
    `annals: node ${config.node} of cluster ${config.cluster} listens on ${node.url}`,
  );
  const { code } = await node.closed;
  context.exitCode = code as ExitCode;
}

/** A start may wait for the node's own name to resolve; a stop meanwhile is no failure. */
async function startUnlessStopped(
  context: CliContext,
  config: NodeConfig,
): Promise<RunningNode | undefined> {
  try {
    return await context.startNode(config, { signal: context.interrupt });
  } catch (error) {
    if (context.interrupt.aborted && hasCode(error, "ERR_NODE_STOPPING")) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

async function stdinEnded(context: CliContext): Promise<void> {
  try {
    for await (const _part of context.io.stdin) {
      // Only its end matters.
    }
  } catch {
    // A stdin that breaks has ended, too.
  }
}
