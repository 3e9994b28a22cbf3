import { messageOf } from "@annals/sinks";
import { runSources, serveSources } from "@annals/sources";
import type { Source, SourceStatus } from "@annals/sources";
import type { Command } from "commander";
import { CliError, usageError } from "../program/cliError.ts";
import { examples, withClient, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { EXIT } from "../program/exitCodes.ts";
import { environmentHelp } from "../program/fileEnvironment.ts";
import { counted, formatCount } from "../program/output.ts";
import type { Column } from "../program/table.ts";
import { printRows } from "../program/printRows.ts";
import { tellEach, tellTests } from "../program/report.ts";
import {
  askSourceRunner,
  DEFAULT_SOURCE_LISTEN,
  parseListen,
  withRunner,
} from "../sink/runnerCalls.ts";
import { siteOf } from "../sink/site.ts";
import { makeSource } from "./makeSource.ts";
import { quietTimers } from "./quietTimers.ts";
import { readSourceFile } from "./sourceFile.ts";
import type { SourceFile } from "./sourceFile.ts";
import type { SourceSpec } from "./sourceSchema.ts";

type RunnerOptions = OutputOptions & { readonly runner: string };
type FileOptions = ClientOptions & { readonly only?: string };

const STATUS_COLUMNS: readonly Column<SourceStatus>[] = [
  { title: "SOURCE", value: ({ name }) => name },
  { title: "STATE", value: ({ state }) => state },
  { title: "LAG", value: ({ lag }) => (lag === null ? "?" : formatCount(lag)), align: "right" },
  { title: "RECORDS", value: ({ records }) => formatCount(records), align: "right" },
  {
    title: "DEAD",
    value: ({ deadLetters: { mapping, refused } }) => formatCount(mapping + refused),
    align: "right",
  },
  {
    title: "PARTS",
    value: ({ parts, partsNotShown }) => formatCount(parts.length + partsNotShown),
    align: "right",
  },
  {
    title: "LAST ERROR",
    value: ({ lastError }) => (lastError === null ? "" : `${lastError.time} ${lastError.message}`),
  },
];

export function registerSource(program: Command, context: CliContext): void {
  const group = program.command("source").description("programs that record what is elsewhere");
  examples(group, [
    "annals source test sources.yaml",
    "annals source run sources.yaml",
    "annals source list",
  ]);
  registerRun(group, context);
  registerTest(group, context);
  registerStatus(group, context);
}

function withFile(command: Command): Command {
  return withClient(command)
    .argument("<file>", "sources (YAML; docs/sources.md)")
    .option("--only <name>", "one of them");
}

function registerRun(group: Command, context: CliContext): void {
  withFile(group.command("run"))
    .addHelpText("after", environmentHelp("sources", "orders", "log: audit"))
    .description("run the sources of a file until Ctrl-C, or until all of them have stopped")
    .option("--listen <host:port>", `where it can be asked (default ${DEFAULT_SOURCE_LISTEN})`)
    .action(async (path: string, options: FileOptions & { listen?: string }) => {
      const file = await readSourceFile(path, context.io);
      const wanted = wantedOf(path, file, options);
      quietTimers();
      const site = await siteOf(context, options, file);
      const sources = await Promise.all(wanted.map(([name, spec]) => makeSource(site, name, spec)));
      const { host, port } = parseListen(options.listen ?? file.listen ?? DEFAULT_SOURCE_LISTEN);
      const server = await serveSources({ host, port, sources });
      await context.note(`running ${counted(sources.length, "source")}, on ${host}:${server.port}`);
      try {
        await runSources({
          sources,
          signal: context.interrupt,
          onFailure: (source, error, waitMs) =>
            void context.note(failureText(source, error, waitMs)),
        });
      } finally {
        await server.close();
      }
    });
}

function failureText({ name }: Source, error: unknown, waitMs: number | undefined): string {
  const next = waitMs === undefined ? "it has stopped" : `tried again within ${waitMs / 1_000} s`;
  return `${name}: ${messageOf(error)}; ${next}`;
}

function registerTest(group: Command, context: CliContext): void {
  withOutput(withFile(group.command("test")))
    .description("check a file of sources: the file, the cluster, and what each source reads from")
    .action((path: string, options: FileOptions & OutputOptions) =>
      tellEach(context, options, async (tell) => {
        const file = await readSourceFile(path, context.io);
        const wanted = wantedOf(path, file, options);
        quietTimers();
        const site = await siteOf(context, options, file);
        const logs = await site.client.logs({ signal: context.interrupt });
        const known = new Set(logs.map(({ name }) => name));
        const test = async (name: string, spec: SourceSpec): Promise<string> => {
          if (!known.has(spec.log))
            throw new CliError("ERR_LOG_NOT_FOUND", `the cluster has no log ${spec.log}`);
          const source = await makeSource(site, name, spec);
          return source.test(context.interrupt);
        };
        const failureOf = (error: unknown): string => {
          if (context.interrupt.aborted) throw error;
          return messageOf(error);
        };
        if (!(await tellTests(wanted, test, { tell, failureOf }))) context.exitCode = EXIT.failed;
      }),
    );
}

function registerStatus(group: Command, context: CliContext): void {
  const command = (text: string): Command => withRunner(withOutput(group.command(text)), "source");

  command("list")
    .description("what the sources of a runner are up to")
    .action(async (options: RunnerOptions) =>
      printRows(context, options, STATUS_COLUMNS, await askSourceRunner(options.runner)),
    );

  command("show")
    .description("everything that a runner knows about one source")
    .argument("<name>")
    .action(async (name: string, options: RunnerOptions) =>
      context.printJson({ items: await askSourceRunner(options.runner, name) }),
    );
}

function wantedOf(
  path: string,
  { sources }: SourceFile,
  { only }: FileOptions,
): readonly (readonly [string, SourceSpec])[] {
  const wanted = [...sources].filter(([name]) => only === undefined || name === only);
  if (wanted.length > 0) return wanted;
  const known = [...sources.keys()].join(", ");
  throw usageError(`${path} has no source ${only ?? ""}; it has ${known}`);
}
