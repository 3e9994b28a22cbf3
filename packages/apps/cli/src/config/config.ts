import { resolve } from "node:path";
import {
  assertRoom,
  configJsonSchema,
  explainKey,
  formatProblems,
  isLoopback,
  loadConfig,
  parseAddress,
  listConfig,
  showConfig,
} from "@annals/config";
import type { ConfigProblem, LoadConfigResult, NodeConfig } from "@annals/config";
import { AnnalsError } from "@annals/record";
import type { Command } from "commander";
import { CliError, usageError } from "../program/cliError.ts";
import { collect, examples, withOutput } from "../program/context.ts";
import type { CliContext, OutputOptions } from "../program/context.ts";
import { EXIT } from "../program/exitCodes.ts";
import { memoryReport, renderMemory } from "../cluster/memoryTable.ts";
import { tellOutcome } from "../program/report.ts";

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
    { exitCode: EXIT.badConfig, hint: explainHint(result.problems) },
  );
}

/** With the key that is wrong, so that the line can be copied. */
function explainHint(problems: readonly ConfigProblem[]): string | undefined {
  const path = problems.find((problem) => problem.path !== undefined)?.path;
  if (path === undefined || !explainKey(path).ok) return undefined;
  return `\`annals config explain ${path}\` says what the key means`;
}

async function check(context: CliContext, options: ConfigOptions & OutputOptions): Promise<void> {
  const { config, origin } = loadOrThrow(context, options, true);
  assertOwnData(context, options, Object.keys(config.nodes));
  const format = context.format(options);
  const shortage = lackOfRoom(config);
  if (format === "table") {
    await context.print(
      `${verdict(config, shortage)}\n\n${renderMemory(config, origin, context.look)}`,
    );
  } else {
    const { cluster, nodes } = config;
    const memory = memoryReport(config, origin);
    const report = { cluster, nodes: Object.keys(nodes), valid: shortage === undefined, memory };
    if (format === "json") await context.printJson(report);
    else await context.print(`${JSON.stringify(report)}\n`);
  }
  if (shortage !== undefined) throw shortage;
}

/** The first line: what a hurried reader takes with him. */
function verdict({ cluster, nodes }: NodeConfig, shortage: AnnalsError | undefined): string {
  if (shortage !== undefined)
    return `the configuration of cluster ${cluster} does not fit: ${shortage.message}`;
  const ids = Object.keys(nodes);
  const count = ids.length === 1 ? "1 node" : `${ids.length} nodes`;
  const lost = Math.ceil(ids.length / 2) - 1;
  const failures = lost === 0 ? "no failure" : lost === 1 ? "1 failure" : `${lost} failures`;
  return (
    `the configuration of cluster ${cluster} is valid: ${count} (${ids.join(", ")}); ` +
    `the cluster survives ${failures} at a time`
  );
}

function lackOfRoom(config: NodeConfig): AnnalsError | undefined {
  try {
    assertRoom(config);
    return undefined;
  } catch (error) {
    if (error instanceof AnnalsError) return error;
    throw error;
  }
}

/** Nodes of one host with one data directory: the second one would be refused at its start. */
function assertOwnData(
  context: CliContext,
  options: ConfigOptions,
  nodes: readonly string[],
): void {
  const owners = new Map<string, string>();
  for (const node of nodes) {
    const { config } = loadOrThrow(context, { ...options, node }, false);
    const host = parseAddress(config.nodes[node] ?? "")?.host ?? "";
    const place = `${isLoopback(host) ? "localhost" : host} ${config.data}`;
    const owner = owners.get(place);
    owners.set(place, node);
    if (owner === undefined) continue;
    throw new CliError(
      "ERR_CONFIG_INVALID",
      `data: nodes ${owner} and ${node} are on one host and have one data directory, ${config.data}`,
      {
        exitCode: EXIT.badConfig,
        hint: 'each node needs its own: data: "/var/lib/annals/${node}"',
      },
    );
  }
}

type ShowOptions = ConfigOptions & OutputOptions & { readonly origin?: boolean };

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

  withOutput(
    withConfig(
      config
        .command("show")
        .description("print the whole configuration with every default")
        .argument("[file]")
        .option("--origin", "with where each value came from"),
    ),
  ).action(async (file: string | undefined, options: ShowOptions) => {
    const { config: loaded, origin } = loadOrThrow(
      context,
      file === undefined ? options : { ...options, config: file },
      options.node === undefined && context.io.env["ANNALS_NODE"] === undefined,
    );
    const text = options.origin === true ? showConfig(loaded, origin) : showConfig(loaded);
    const items = listConfig(loaded, origin);
    await tellOutcome(context, options, text.trimEnd(), { items, next: null });
  });

  config
    .command("schema")
    .description("print a JSON schema of the file, for editors")
    .action(() => context.printJson(configJsonSchema()));

  withOutput(config.command("explain"))
    .description("say what a key, or every key of a section, means")
    .argument("<key>")
    .action(async (key: string, options: OutputOptions) => {
      const explanation = explainKey(key);
      if (!explanation.ok) throw usageError(explanation.message);
      const { text } = explanation;
      await tellOutcome(context, options, text, { key, text });
    });
}
