import { resolve } from "node:path";
import { elapsedText } from "@annals/drill";
import type { AnnalsClient } from "@annals/client";
import type { Command } from "commander";
import { CliError } from "../program/cliError.ts";
import {
  DEFAULT_URL,
  examples,
  wholeNumber,
  withClient,
  withLog,
  withOutput,
} from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { DevCluster } from "./devCluster.ts";
import { DEV_NODES_MAX, devLayout, prepareDevFiles } from "./devFiles.ts";
import type { DevLayout } from "./devFiles.ts";
import { assertLocal, killLeader } from "./killLeader.ts";
import { SAMPLE_FILE, appendSample } from "./sample.ts";
import { EXIT } from "../program/exitCodes.ts";
import { importGit } from "../git/importGit.ts";
import { formatCount } from "../program/output.ts";
import { Progress } from "../program/progress.ts";
import { describeImport } from "../git/importGitCommand.ts";

interface DevOptions {
  readonly nodes: string;
  readonly port: string;
  readonly data: string;
  readonly fresh?: boolean;
  readonly demo?: boolean;
}

const LOG = "audit";
const PORT_DEFAULT = "7400";
const CLIENT_RETRY_MS = 30_000;
const IMPORT_BATCH = 500;

export function registerDev(program: Command, context: CliContext): void {
  const dev = program
    .command("dev")
    .description(
      "run a whole cluster on this machine, each node a process of its own; Ctrl-C stops it",
    )
    .option("--nodes <count>", "how many nodes", "3")
    .option("--port <port>", "port of the first node; the others take the next ones", PORT_DEFAULT)
    .option("--data <directory>", "where the data is kept", ".annals")
    .option("--fresh", "forget what an earlier cluster there recorded")
    .option("--demo", "fill the log with the history of this project, and say what to try")
    .action((options: DevOptions) => runDev(context, options));
  examples(dev, [
    "annals dev",
    "annals dev --nodes 1 --data /tmp/annals --fresh",
    "annals dev kill-leader",
  ]);

  const kill = dev
    .command("kill-leader")
    .description("kill -9 the leader of a log while appending, and show that nothing is missing")
    .option("--records <count>", "records appended around the kill", "100")
    .action((options: ClientOptions & OutputOptions & { log: string; records: string }) =>
      runKillLeader(context, options),
    );
  examples(withOutput(withClient(withLog(kill))), [
    "annals dev kill-leader",
    "annals dev kill-leader --records 1000",
  ]);
}

async function runDev(context: CliContext, options: DevOptions): Promise<void> {
  const { io } = context;
  const nodeCount = wholeNumber("--nodes", options.nodes, 1, DEV_NODES_MAX);
  const port = wholeNumber("--port", options.port, 1, 65_535 - DEV_NODES_MAX);
  const layout = devLayout(resolve(io.cwd, options.data), nodeCount, port);
  prepareDevFiles(layout, options.fresh === true);
  const startedMs = performance.now();
  const client = context.clientOf(
    layout.nodes.map(({ url }) => url),
    CLIENT_RETRY_MS,
  );
  const cluster = new DevCluster({
    layout,
    entry: io.entry,
    env: io.env,
    client,
    onEvent: (text) => void context.note(`annals dev: ${text}`),
  });
  // The first Ctrl-C asks the nodes to stop; the second one does not ask.
  let interrupts = 0;
  const stopListening = io.onInterrupt(() => {
    interrupts++;
    if (interrupts > 1) cluster.kill();
  });
  try {
    await context.note(
      `annals dev: starting ${nodeCount} ${nodeCount === 1 ? "node" : "nodes"}, data in ${layout.directory}`,
    );
    await Promise.race([cluster.start(), untilInterrupted(context.interrupt)]);
    if (!context.interrupt.aborted) {
      await context.print(readyText(layout, cluster, performance.now() - startedMs));
      if (options.demo === true) await fillDemo(context, client);
      await context.print(tryText(layout, io.env, options.demo === true));
    }
    await untilInterrupted(context.interrupt);
  } catch (error) {
    // An interrupted import is an orderly end.
    if (!context.interrupt.aborted) throw error;
  } finally {
    if (context.interrupt.aborted)
      await context.note("annals dev: stopping; Ctrl-C again ends at once");
    await cluster.stop();
    stopListening();
  }
  await context.note(`annals dev: stopped; the data stays in ${layout.directory}`);
}

function untilInterrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function readyText(layout: DevLayout, cluster: DevCluster, elapsedMs: number): string {
  const lines = layout.nodes.map(({ id, url }) => `  ${id}  ${url}  pid ${cluster.pid(id)}`);
  const count = layout.nodes.length;
  return `ready: ${count} ${count === 1 ? "node" : "nodes"} in ${elapsedText(elapsedMs)}\n${lines.join("\n")}\n`;
}

/** The history of the repository that the command lies in; a sample where there is none. */
async function fillDemo(context: CliContext, client: AnnalsClient): Promise<void> {
  const progress = new Progress(context.status, "import this project's history");
  try {
    const result = await importGit(client, {
      repository: import.meta.dirname,
      log: LOG,
      batch: IMPORT_BATCH,
      signal: context.interrupt,
      onProgress: ({ commitsDone, commitsTotal, records }) =>
        progress.update({ done: commitsDone, total: commitsTotal, unit: "commits", records }),
    });
    progress.end();
    await context.print(`${describeImport(result, LOG, progress.elapsedMs)}\n`);
  } catch (error) {
    progress.end();
    if (!(error instanceof CliError) || !error.code.startsWith("ERR_GIT_")) throw error;
    const count = await appendSample(client, LOG, context.interrupt);
    await context.print(
      `${formatCount(count)} records of the sample into ${LOG} (${SAMPLE_FILE}; ${error.message})\n`,
    );
  }
}

/** How the command is called where this one was: the script of a package manager is not on the PATH of another terminal. */
function commandPrefix(env: Readonly<Record<string, string | undefined>>): string {
  if (env["npm_lifecycle_event"] === undefined) return "annals";
  const isPnpm = (env["npm_config_user_agent"] ?? "").startsWith("pnpm/");
  return isPnpm ? "npx -y pnpm@12.21.0 annals" : "npx annals";
}

function tryText(
  layout: DevLayout,
  env: Readonly<Record<string, string | undefined>>,
  demo: boolean,
): string {
  const annals = commandPrefix(env);
  const first = layout.nodes[0]?.url ?? DEFAULT_URL;
  const url = first === DEFAULT_URL ? "" : ` --url ${first}`;
  const query = demo ? "--action 'file.*' --desc --limit 5" : "--since 1h";
  return [
    "",
    "Try, in another terminal:",
    `  ${annals} append${url} --actor you --action demo.hello --target world`,
    `  ${annals} query${url} ${query}`,
    `  ${annals} dev kill-leader${url}`,
    "",
    "",
  ].join("\n");
}

async function runKillLeader(
  context: CliContext,
  options: ClientOptions & OutputOptions & { log: string; records: string },
): Promise<void> {
  const records = wholeNumber("--records", options.records, 2, 100_000);
  const format = context.format(options);
  const known = await context.client(options).cluster({ signal: context.interrupt });
  assertLocal(known.nodes.map(({ address }) => address));
  // Whichever node dies, another one of these answers.
  const client = context.clientOf(
    known.nodes.map(({ address }) => `http://${address}`),
    CLIENT_RETRY_MS,
  );
  const result = await killLeader(client, {
    log: options.log,
    records,
    signal: context.interrupt,
    kill: (pid) => context.io.kill(pid),
    onEvent: (text) => void context.note(text),
    now: () => performance.now(),
  });
  const intact = result.missing === 0 && result.duplicated === 0;
  if (!intact) context.exitCode = EXIT.damaged;
  if (format === "json") return context.printJson(result);
  if (format === "ndjson") return context.print(`${JSON.stringify(result)}\n`);
  const { acknowledged, missing, duplicated, lastSeq, killed, leader, outageMs } = result;
  return context.print(
    `${intact ? "nothing is missing" : "RECORDS ARE MISSING OR DOUBLE"}: ${formatCount(acknowledged)} appends acknowledged, ` +
      `${formatCount(acknowledged - missing)} read back at the seq they were given, ${missing} missing, ${duplicated} twice\n` +
      `node ${killed} was killed; node ${leader} took over, the next append was acknowledged after ${elapsedText(outageMs)}\n` +
      `the log ends at seq ${formatCount(lastSeq)}, without a gap\n`,
  );
}
