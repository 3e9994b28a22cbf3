import { resolve } from "node:path";
import {
  assertRoom,
  configJsonSchema,
  explainKey,
  formatProblems,
  loadConfig,
  showConfig,
} from "@annals/server";
import type { LoadConfigResult } from "@annals/server";
import type { Command } from "commander";
import { CliError, usageError } from "../cliError.ts";
import { collect, examples, withOutput } from "../context.ts";
import type { CliContext, OutputOptions } from "../context.ts";
import { EXIT } from "../exitCodes.ts";
import { memoryReport, renderMemory } from "../memoryTable.ts";

/** Options of every command that reads a node's configuration. */
export interface ConfigOptions {
  readonly config?: string;
  readonly node?: string;
  readonly data?: string;
  readonly insecure?: boolean;
  readonly set?: readonly string[];
}

export function withConfig(command: Command): Command {
  return command
    .option("-c, --config <file>", "YAML file (env ANNALS_CONFIG)")
    .option("--node <id>", "which node of the file (env ANNALS_NODE)")
    .option("--data <directory>", "beats the key data")
    .option("--insecure", "allow addresses beyond loopback without keys and encryption")
    .option("--set <key=value>", "beats any other key; repeatable", collect);
}

export type LoadedConfig = Extract<LoadConfigResult, { readonly ok: true }>;

/** Loads what the options, the environment and the file say; prints every problem and ends with exit code 78 if there are any. */
export function loadOrThrow(
  context: CliContext,
  options: ConfigOptions,
  anyNode: boolean,
): LoadedConfig {
  const { env, cwd } = context.io;
  const file = options.config ?? env["ANNALS_CONFIG"];
  const flags: Record<string, string> = {};
  for (const assignment of options.set ?? []) {
    const at = assignment.indexOf("=");
    if (at < 1) throw usageError(`--set ${assignment}: expected KEY=VALUE, such as raft.tick=50ms`);
    flags[assignment.slice(0, at)] = assignment.slice(at + 1);
  }
  if (options.data !== undefined) flags["data"] = resolve(cwd, options.data);
  if (options.insecure === true) flags["insecure"] = "true";
  const result = loadConfig({
    file: file === undefined ? undefined : resolve(cwd, file),
    env,
    flags,
    node: options.node,
    anyNode,
  });
  if (result.ok) return result;
  const count = result.problems.length;
  throw new CliError(
    "ERR_CONFIG_INVALID",
    `${count} ${count === 1 ? "problem" : "problems"} in the configuration\n${formatProblems(result.problems)}`,
    { exitCode: EXIT.badConfig, hint: "`annals config explain KEY` says what a key means" },
  );
}

async function check(context: CliContext, options: ConfigOptions & OutputOptions): Promise<void> {
  const { config, origin } = loadOrThrow(context, options, true);
  const { cluster, nodes } = config;
  const format = context.format(options);
  const ids = Object.keys(nodes);
  if (format === "table") {
    await context.print(
      `the configuration of cluster ${cluster} is right: ${ids.length} nodes (${ids.join(", ")})\n\n` +
        renderMemory(config, origin, context.color),
    );
  } else {
    const report = { cluster, nodes: ids, memory: memoryReport(config, origin) };
    if (format === "json") await context.printJson(report);
    else await context.print(`${JSON.stringify(report)}\n`);
  }
  assertRoom(config);
}

export function registerConfig(program: Command, context: CliContext): void {
  const config = program.command("config").description("check and explain configurations");
  examples(config, [
    "annals config check annals.yaml",
    "annals config show -c annals.yaml --node a --origin",
    "annals config explain raft.electionTicks",
  ]);

  withOutput(
    withConfig(
      config
        .command("check")
        .description("report every problem of a configuration, and the memory that it may need")
        .argument("[file]"),
    ),
  ).action((file: string | undefined, options: ConfigOptions & OutputOptions) =>
    check(context, file === undefined ? options : { ...options, config: file }),
  );

  withConfig(
    config
      .command("show")
      .description("print the whole configuration with every default")
      .argument("[file]")
      .option("--origin", "with where each value came from"),
  ).action(async (file: string | undefined, options: ConfigOptions & { origin?: boolean }) => {
    const { config: loaded, origin } = loadOrThrow(
      context,
      file === undefined ? options : { ...options, config: file },
      options.node === undefined && context.io.env["ANNALS_NODE"] === undefined,
    );
    await context.print(options.origin === true ? showConfig(loaded, origin) : showConfig(loaded));
  });

  config
    .command("schema")
    .description("print a JSON schema of the file, for editors")
    .action(() => context.printJson(configJsonSchema()));

  config
    .command("explain")
    .description("say what a key, or every key of a section, means")
    .argument("<key>")
    .action(async (key: string) => {
      const explanation = explainKey(key);
      if (!explanation.ok) throw usageError(explanation.message);
      await context.print(`${explanation.text}\n`);
    });
}
