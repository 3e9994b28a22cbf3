import type { LogInfo } from "@annals/client";
import type { Command } from "commander";
import { CliError } from "../program/cliError.ts";
import { examples, withClient, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { EXIT } from "../program/exitCodes.ts";
import { formatCount } from "../program/output.ts";
import type { Column } from "../program/table.ts";
import { printRows } from "../program/printRows.ts";
import { registerResolve } from "./logResolve.ts";
import { registerSchema } from "../schema/schema.ts";

const COLUMNS: readonly Column<LogInfo>[] = [
  { title: "LOG", value: ({ name }) => name },
  { title: "FIRST", value: ({ firstSeq }) => countOr(firstSeq), align: "right" },
  { title: "LAST", value: ({ lastSeq }) => countOr(lastSeq), align: "right" },
  { title: "LEADER", value: ({ leader }) => leader ?? "none" },
  { title: "DISK MiB", value: ({ diskBytes }) => mebibytesOr(diskBytes), align: "right" },
  {
    title: "STATE",
    value: ({ state, reason }) => (reason === undefined ? state : `${state}: ${reason}`),
  },
];

function countOr(count: number | undefined): string {
  return count === undefined ? "?" : formatCount(count);
}

function mebibytesOr(bytes: number | undefined): string {
  return bytes === undefined ? "?" : (bytes / 2 ** 20).toFixed(1);
}

export function registerLog(program: Command, context: CliContext): void {
  const log = program
    .command("log")
    .description("create and list logs, and resolve one that has diverged");
  examples(log, ["annals log list", "annals log create orders", "annals log show audit -o json"]);

  registerSchema(log, context);
  registerResolve(log, context);
  withOutput(withClient(log.command("list").description("list the logs"))).action(
    async (options: ClientOptions & OutputOptions) => {
      const logs = await context.client(options).logs({ signal: context.interrupt });
      await printRows(context, options, COLUMNS, logs);
    },
  );

  withOutput(
    withClient(log.command("create").description("create a log").argument("<name>")),
  ).action(async (name: string, options: ClientOptions & OutputOptions) => {
    const made = await context.client(options).createLog(name, { signal: context.interrupt });
    await printOne(context, options, made);
  });

  withOutput(withClient(log.command("show").description("show one log").argument("<name>"))).action(
    async (name: string, options: ClientOptions & OutputOptions) => {
      const logs = await context.client(options).logs({ signal: context.interrupt });
      const found = logs.find((candidate) => candidate.name === name);
      if (found === undefined) {
        throw new CliError("ERR_LOG_NOT_FOUND", `there is no log "${name}"`, {
          exitCode: EXIT.notFound,
          hint: `the logs are ${logs.map((candidate) => candidate.name).join(", ")}`,
        });
      }
      await printOne(context, options, found);
    },
  );
}

async function printOne(context: CliContext, options: OutputOptions, info: LogInfo): Promise<void> {
  if (context.format(options) === "json") return context.printJson(info);
  return printRows(context, options, COLUMNS, [info]);
}
