import type { AnnalsClient, ClientError } from "@annals/client";
import {
  LETTER_RETRIED,
  LETTER_SKIPPED,
  listLetters,
  replay,
  resolutionRecord,
  runAll,
  StatusServer,
} from "@annals/sinks";
import type { ListedLetter, SinkStatus } from "@annals/sinks";
import type { Command } from "commander";
import { CliError, usageError } from "../cliError.ts";
import { EXIT } from "../exitCodes.ts";
import { examples, wholeNumber, withClient, withLog, withOutput } from "../context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../context.ts";
import { formatCount, printable } from "../output.ts";
import type { Column } from "../output.ts";
import { printRows } from "../printRows.ts";
import { sinkLane, sinkRunners } from "../sinks/assemble.ts";
import type { SinkSite } from "../sinks/assemble.ts";
import { graphConnector, sinkMaker } from "../sinks/makeSink.ts";
import { askRunner, DEFAULT_LISTEN, parseListen } from "../sinks/runnerCalls.ts";
import { readSinkFile } from "../sinks/sinkFile.ts";
import type { SinkFile } from "../sinks/sinkFile.ts";
import type { SinkSpec, WrittenGraph } from "../sinks/sinkSchema.ts";

type RunnerOptions = OutputOptions & { readonly runner: string };

const STATUS_COLUMNS: readonly Column<SinkStatus>[] = [
  { title: "SINK", value: ({ name }) => name },
  { title: "LANE", value: ({ lane }) => String(lane), align: "right" },
  { title: "STATE", value: ({ state }) => state },
  { title: "POSITION", value: ({ position }) => formatCount(position?.seq ?? 0), align: "right" },
  { title: "LAG", value: ({ lag }) => formatCount(lag.records), align: "right" },
  { title: "APPLIED", value: ({ applied }) => formatCount(applied), align: "right" },
  { title: "DEAD", value: ({ deadLetters }) => formatCount(deadLetters), align: "right" },
  { title: "LAST ERROR", value: ({ lastError }) => lastError?.message ?? "" },
];

const LETTER_COLUMNS: readonly Column<ListedLetter>[] = [
  { title: "SINK", value: ({ sink }) => sink },
  { title: "SEQ", value: ({ seq }) => formatCount(seq), align: "right" },
  { title: "STATE", value: ({ state }) => state },
  { title: "TRIES", value: ({ attempts }) => formatCount(attempts), align: "right" },
  { title: "WHY", value: ({ message, reason }) => reason ?? message },
];

export function registerSink(program: Command, context: CliContext): void {
  const group = program
    .command("sink")
    .description("programs that follow a log and write elsewhere");
  examples(group, [
    "annals sink run sinks.yaml",
    "annals sink list",
    "annals sink plan sinks.yaml archive --seq 42",
    "annals sink letters list",
  ]);
  registerRun(group, context);
  registerStatus(group, context);
  registerOffline(group, context);
  registerVerify(group, context);
  registerLetters(group, context);
}

function registerRun(group: Command, context: CliContext): void {
  withClient(group.command("run"))
    .description("run the sinks of a file until Ctrl-C, or until all of them have stopped")
    .argument("<file>", "sinks (YAML; docs/sinks.md)")
    .option("--only <name>", "one of them")
    .option("--listen <host:port>", `where it can be asked (default ${DEFAULT_LISTEN})`)
    .action(async (path: string, options: ClientOptions & { only?: string; listen?: string }) => {
      const file = await readSinkFile(path);
      const site = await siteOf(context, options, file);
      const wanted = [...file.sinks].filter(
        ([name]) => options.only === undefined || name === options.only,
      );
      if (wanted.length === 0) throw usageError(`${path} has no sink ${options.only ?? ""}`);
      const made = await Promise.all(wanted.map(([name, spec]) => sinkRunners(site, name, spec)));
      const runners = made.flat();
      const { host, port } = parseListen(options.listen ?? file.listen ?? DEFAULT_LISTEN);
      const server = await StatusServer.listen({ host, port, runners });
      await context.note(
        `running ${runners.length} ${runners.length === 1 ? "lane" : "lanes"}, on ${host}:${server.port}`,
      );
      try {
        await runAll(runners, context.interrupt);
      } finally {
        await server.close();
      }
    });
}

function registerStatus(group: Command, context: CliContext): void {
  const command = (text: string): Command =>
    withOutput(group.command(text)).option(
      "--runner <host:port>",
      "where `annals sink run` listens",
      DEFAULT_LISTEN,
    );

  command("list")
    .description("what the sinks of a runner are up to")
    .action(async (options: RunnerOptions) =>
      printRows(context, options, STATUS_COLUMNS, await askRunner(options.runner, "GET", "/sinks")),
    );

  command("show")
    .description("everything that a runner knows about one sink")
    .argument("<name>")
    .action(async (name: string, options: RunnerOptions) =>
      context.printJson({ items: await askRunner(options.runner, "GET", pathOf(name)) }),
    );

  for (const verb of ["pause", "resume"] as const)
    command(verb)
      .description(
        verb === "pause" ? "let a sink write nothing, and keep its lane" : "let it go on",
      )
      .argument("<name>")
      .action(async (name: string, options: RunnerOptions) => {
        const rows = await askRunner(options.runner, "POST", `${pathOf(name)}/${verb}`);
        await printRows(context, options, STATUS_COLUMNS, rows);
      });
}

function registerOffline(group: Command, context: CliContext): void {
  withClient(group.command("test"))
    .description("check a file of sinks: the file, the cluster, and what each sink writes to")
    .argument("<file>")
    .action(async (path: string, options: ClientOptions) => {
      const file = await readSinkFile(path);
      const site = await siteOf(context, options, file);
      for (const [name, spec] of file.sinks) {
        const sink = (await sinkMaker(site, name, spec))(0);
        try {
          const cursor = await sink.open(context.interrupt);
          const at = cursor === undefined ? "nothing yet" : `everything up to ${cursor.seq}`;
          await context.print(`${name}: ok, it has ${at}\n`);
        } finally {
          await sink.close();
        }
      }
    });

  withClient(group.command("plan"))
    .description("what a sink would write of one record")
    .argument("<file>")
    .argument("<name>")
    .requiredOption("--seq <seq>", "of the record")
    .action(async (path: string, name: string, options: ClientOptions & { seq: string }) => {
      const { site, spec } = await oneSink(context, path, name, options);
      const make = await sinkMaker(site, name, spec);
      const { sink, source } = sinkLane(site, name, spec, make, 0);
      const seq = wholeNumber("--seq", options.seq, 1, Number.MAX_SAFE_INTEGER);
      const record = await source.record(seq, context.interrupt);
      if (record === undefined)
        throw new CliError("ERR_LOG_NO_RECORD", `${spec.log} has no record ${seq}`);
      await context.printJson({ seq, mutations: sink().plan(record) });
    });

  withClient(group.command("replay"))
    .description("let a sink that does not run go on from elsewhere; what it has written stays")
    .argument("<file>")
    .argument("<name>")
    .requiredOption("--to <seq>", "the seq behind which to go on; 0 for everything")
    .action(async (path: string, name: string, options: ClientOptions & { to: string }) => {
      const { site, spec } = await oneSink(context, path, name, options);
      const to = wholeNumber("--to", options.to, 0, Number.MAX_SAFE_INTEGER);
      const make = await sinkMaker(site, name, spec);
      for (let k = 0; k < spec.lanes; k++) {
        const { sink, source, lane } = sinkLane(site, name, spec, make, k);
        const was = await replay(sink(), source, lane, to, context.interrupt).catch(stillRuns);
        await context.print(`${name}/${k}: was at ${was ?? "nothing"}, goes on behind ${to}\n`);
      }
      const groupName = spec.group ?? `sink.${name}`;
      await site.client.groups(spec.log).reset(groupName, to === 0 ? "first" : to);
    });
}

function registerVerify(group: Command, context: CliContext): void {
  group
    .command("verify")
    .description("prove that a graph database does what the graph sink relies on; cleans up")
    .argument("<url>", "bolt://…, neo4j://… or grafeo:FILE")
    .option("--user <name>", "as whom")
    .option("--password-env <variable>", "the environment variable with the password")
    .option("--database <name>", "which one of the server")
    .action(async (url: string, options: Omit<WrittenGraph, "url">) => {
      const { verifyGraph } = await import("@annals/graph");
      const database = await (await graphConnector(context.io, "verify", { url, ...options }))();
      const steps = await verifyGraph(database, context.interrupt, ({ name, ok, ms, detail }) => {
        void context.print(`${ok ? "ok  " : "FAIL"} ${name} (${ms} ms): ${printable(detail)}\n`);
      });
      if (steps.some(({ ok }) => !ok)) context.exitCode = EXIT.failed;
      await database.close();
    });
}

function registerLetters(group: Command, context: CliContext): void {
  const letters = group.command("letters").description("records that a sink could not write");
  const logOption = (command: Command): Command =>
    withClient(withLog(command)).option(
      "--letters <log>",
      "where they are (default: LOG.dead-letters)",
    );
  type LetterOptions = ClientOptions & { readonly log: string; readonly letters?: string };
  const logOf = ({ log, letters: given }: LetterOptions): string => given ?? `${log}.dead-letters`;

  withOutput(logOption(letters.command("list")))
    .description("list the dead letters of a log's sinks")
    .argument("[sink]")
    .action(async (sink: string | undefined, options: LetterOptions & OutputOptions) => {
      const client = context.client(options);
      const rows = await listLetters(client, logOf(options), sink, context.interrupt);
      await printRows(context, options, LETTER_COLUMNS, rows);
    });

  logOption(letters.command("skip"))
    .description("settle a dead letter: the record stays unwritten, and the reason is on record")
    .argument("<sink>")
    .argument("<seq>")
    .requiredOption("--reason <text>", "why")
    .action(
      async (sink: string, seq: string, options: LetterOptions & { readonly reason: string }) => {
        const letter = await openLetter(context, options, logOf(options), sink, seq);
        const record = resolutionRecord(letter, LETTER_SKIPPED, options.reason);
        await context.client(options).append(logOf(options), record);
        await context.print(`skipped ${sink} ${letter.log}:${letter.seq}\n`);
      },
    );

  logOption(letters.command("retry"))
    .description("write the record of a dead letter after all, or of all open ones in their order")
    .argument("<sink>")
    .argument("[seq]")
    .option("--runner <host:port>", "where `annals sink run` listens", DEFAULT_LISTEN)
    .action(
      async (
        sink: string,
        seq: string | undefined,
        options: LetterOptions & { readonly runner: string },
      ) => {
        const client = context.client(options);
        const chosen =
          seq === undefined
            ? await openLetters(client, logOf(options), sink, context.interrupt)
            : [await openLetter(context, options, logOf(options), sink, seq)];
        // One after the other, and none after one that is refused: those of a lane stay in the order of their records.
        for (const letter of chosen) {
          await askRunner(options.runner, "POST", `${pathOf(sink)}/retry?seq=${letter.seq}`);
          const record = resolutionRecord(letter, LETTER_RETRIED, "written when tried again");
          await client.append(logOf(options), record);
          await context.print(`wrote ${letter.log}:${letter.seq}\n`);
        }
      },
    );
}

/** By seq. */
async function openLetters(
  client: AnnalsClient,
  log: string,
  sink: string,
  signal: AbortSignal,
): Promise<readonly ListedLetter[]> {
  const letters = await listLetters(client, log, sink, signal);
  return letters.filter(({ state }) => state === "open").toSorted((a, b) => a.seq - b.seq);
}

async function openLetter(
  context: CliContext,
  options: ClientOptions,
  log: string,
  sink: string,
  seq: string,
): Promise<ListedLetter> {
  const wanted = wholeNumber("seq", seq, 1, Number.MAX_SAFE_INTEGER);
  const rows = await openLetters(context.client(options), log, sink, context.interrupt);
  const letter = rows.find((one) => one.seq === wanted);
  if (letter !== undefined) return letter;
  throw new CliError("ERR_NO_LETTER", `sink ${sink} has no open dead letter of record ${wanted}`, {
    hint: "`annals sink letters list` prints them",
  });
}

async function siteOf(
  context: CliContext,
  options: ClientOptions,
  file: SinkFile,
): Promise<SinkSite> {
  const fromFile = options.url === undefined && file.urls !== undefined ? { url: file.urls } : {};
  const client = context.client({ ...options, ...fromFile });
  const { cluster: clusterName, clusterId: cluster } = await client.cluster({
    signal: context.interrupt,
  });
  if (cluster === undefined)
    throw new CliError(
      "ERR_CLUSTER_UNBORN",
      `cluster ${clusterName} has not begun yet: nodes are missing`,
      {
        hint: "`annals cluster health` says which",
      },
    );
  const { cwd, env } = context.io;
  return { client, cluster, cwd, env, note: (text) => void context.note(text) };
}

async function oneSink(
  context: CliContext,
  path: string,
  name: string,
  options: ClientOptions,
): Promise<{ readonly site: SinkSite; readonly spec: SinkSpec }> {
  const file = await readSinkFile(path);
  const spec = file.sinks.get(name);
  if (spec === undefined)
    throw usageError(`${path} has no sink ${name}; it has ${[...file.sinks.keys()].join(", ")}`);
  return { site: await siteOf(context, options, file), spec };
}

function stillRuns(error: ClientError): never {
  if (error.code !== "ERR_GROUP_HELD") throw error;
  throw new CliError("ERR_SINK_RUNS", "a runner has the lane", {
    hint: "stop it first: it would write while the cursor is moved",
    cause: error,
  });
}

function pathOf(name: string): string {
  return `/sinks/${encodeURIComponent(name)}`;
}
