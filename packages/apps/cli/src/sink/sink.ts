import { AnnalsError } from "@annals/record";
import { replay, runAll, StatusServer, unreachable } from "@annals/sinks";
import type { SinkStatus } from "@annals/sinks";
import type { Command } from "commander";
import { CliError, usageError } from "../program/cliError.ts";
import { EXIT } from "../program/exitCodes.ts";
import { environmentHelp } from "../program/fileEnvironment.ts";
import { examples, wholeNumber, withClient, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { formatCount, printable } from "../program/output.ts";
import type { Column } from "../program/table.ts";
import { printRows } from "../program/printRows.ts";
import { groupOf, sinkLane, sinkRunners } from "./assemble.ts";
import { sinkMaker } from "./makeSink.ts";
import { askRunner, DEFAULT_LISTEN, parseListen, sinkPath, withRunner } from "./runnerCalls.ts";
import { readSinkFile } from "./sinkFile.ts";
import type { WrittenGraph } from "./sinkSchema.ts";
import { oneSink, siteOf } from "./site.ts";
import { connected } from "../graph/graph.ts";
import { registerCompare } from "./sinkCompare.ts";
import { registerLetters } from "./sinkLetters.ts";
import { registerTest } from "./sinkTest.ts";
import { tellEach } from "../program/report.ts";

type RunnerOptions = OutputOptions & { readonly runner: string };

const STATUS_COLUMNS: readonly Column<SinkStatus>[] = [
  { title: "SINK", value: ({ name }) => name },
  { title: "LANE", value: ({ lane }) => String(lane), align: "right" },
  { title: "STATE", value: ({ state }) => state },
  { title: "POSITION", value: ({ position }) => formatCount(position?.seq ?? 0), align: "right" },
  { title: "LAG", value: ({ lag }) => formatCount(lag.records), align: "right" },
  { title: "APPLIED", value: ({ applied }) => formatCount(applied), align: "right" },
  { title: "DEAD", value: ({ deadLetters }) => formatCount(deadLetters), align: "right" },
  { title: "HOLDER", value: ({ holder }) => holder ?? "" },
  {
    title: "LAST ERROR",
    value: ({ lastError }) => (lastError === null ? "" : `${lastError.time} ${lastError.message}`),
  },
];

export function registerSink(program: Command, context: CliContext): void {
  const group = program
    .command("sink")
    .description("programs that follow a log and write elsewhere");
  examples(group, [
    "annals sink run sinks.yaml",
    "annals sink list",
    "annals sink compare archive",
    "annals sink plan sinks.yaml archive --seq 42",
    "annals sink letters list",
  ]);
  registerRun(group, context);
  registerStatus(group, context);
  registerOffline(group, context);
  registerVerify(group, context);
  registerTest(group, context);
  registerCompare(group, context);
  registerLetters(group, context);
}

function registerRun(group: Command, context: CliContext): void {
  withClient(group.command("run"))
    .addHelpText("after", environmentHelp("sinks", "archive", "chunkSize: 100"))
    .description("run the sinks of a file until Ctrl-C, or until all of them have stopped")
    .argument("<file>", "sinks (YAML; docs/sinks.md)")
    .option("--only <name>", "one of them")
    .option("--listen <host:port>", `where it can be asked (default ${DEFAULT_LISTEN})`)
    .action(async (path: string, options: ClientOptions & { only?: string; listen?: string }) => {
      const file = await readSinkFile(path, context.io);
      const site = await siteOf(context, options, file);
      const wanted = [...file.sinks].filter(
        ([name]) => options.only === undefined || name === options.only,
      );
      if (wanted.length === 0)
        throw usageError(`${path} has no sink ${options.only ?? ""}`.trimEnd());
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
  const command = (text: string): Command => withRunner(withOutput(group.command(text)), "sink");

  command("list")
    .description("what the sinks of a runner are up to")
    .action(async (options: RunnerOptions) =>
      printRows(context, options, STATUS_COLUMNS, await askRunner(options.runner, "GET", "/sinks")),
    );

  command("show")
    .description("everything that a runner knows about one sink")
    .argument("<name>")
    .action(async (name: string, options: RunnerOptions) =>
      context.printJson({ items: await askRunner(options.runner, "GET", sinkPath(name)) }),
    );

  for (const verb of ["pause", "resume"] as const)
    command(verb)
      .description(
        verb === "pause"
          ? "let a sink write nothing, and keep its lane; returns when that holds"
          : "let a paused sink go on, and one that has failed begin again",
      )
      .argument("<name>")
      .action(async (name: string, options: RunnerOptions) => {
        const rows = await askRunner(options.runner, "POST", `${sinkPath(name)}/${verb}`);
        await printRows(context, options, STATUS_COLUMNS, rows);
      });
}

type ReplayOptions = ClientOptions & OutputOptions & { readonly to: string };

function registerOffline(group: Command, context: CliContext): void {
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

  withOutput(withClient(group.command("replay")))
    .description("let a sink that does not run go on from elsewhere; what it has written stays")
    .argument("<file>")
    .argument("<name>")
    .requiredOption("--to <seq>", "the seq behind which to go on; 0 for everything")
    .action((path: string, name: string, options: ReplayOptions) =>
      tellEach(context, options, async (tell) => {
        const { site, spec } = await oneSink(context, path, name, options);
        const to = wholeNumber("--to", options.to, 0, Number.MAX_SAFE_INTEGER);
        const make = await sinkMaker(site, name, spec);
        for (let k = 0; k < spec.lanes; k++) {
          const { sink, source, lane } = sinkLane(site, name, spec, make, k);
          const made = sink();
          const was = await replay(made, source, lane, to, context.interrupt).catch(
            (error: unknown) => notReplayed(`sink ${name} (${made.target})`, error),
          );
          const text = `${name}/${k}: was at ${was ?? "nothing"}, goes on behind ${to}`;
          await tell(text, { sink: name, lane: k, was: was ?? null, to });
        }
        await site.client.groups(spec.log).reset(groupOf(name, spec), to === 0 ? "first" : to);
      }),
    );
}

function registerVerify(group: Command, context: CliContext): void {
  withOutput(group.command("verify"))
    .description("prove that a graph database does what the graph sink relies on; cleans up")
    .argument("<url>", "bolt://…, neo4j://… or grafeo:FILE")
    .option("--user <name>", "as whom")
    .option("--password-env <variable>", "the environment variable with the password")
    .option("--database <name>", "which one of the server")
    .action((url: string, options: Omit<WrittenGraph, "url"> & OutputOptions) =>
      tellEach(context, options, async (tell) => {
        const { output: _, ...graph } = options;
        const { verifyGraph } = await import("@annals/graph");
        const database = await connected(context, "verify", { url, ...graph });
        const steps = await verifyGraph(database, context.interrupt, (step) => {
          const { name, ok, ms, detail } = step;
          void tell(`${ok ? "ok  " : "FAIL"} ${name} (${ms} ms): ${printable(detail)}`, step);
        });
        if (steps.some(({ ok }) => !ok)) context.exitCode = EXIT.failed;
        await database.close();
      }),
    );
}

function notReplayed(who: string, error: unknown): never {
  if (!(error instanceof AnnalsError)) throw unreachable(who, error);
  if (error.code !== "ERR_GROUP_HELD") throw error;
  throw new CliError("ERR_SINK_RUNS", "a runner has the lane", {
    hint: "stop it first: it would write while the cursor is moved",
    cause: error,
  });
}
