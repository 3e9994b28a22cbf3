import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { AnnalsError } from "@annals/record";
import { DATA_LOCK } from "@annals/node";
import { PathLock, isAside } from "@annals/storage";
import type { FsckReport } from "@annals/storage";
import type { Command } from "commander";
import { CliError } from "../program/cliError.ts";
import { examples, withOutput } from "../program/context.ts";
import type { CliContext, OutputOptions } from "../program/context.ts";
import { EXIT } from "../program/exitCodes.ts";
import { formatCount, paint } from "../program/output.ts";
import { renderTable } from "../program/table.ts";
import type { TableLook } from "../program/table.ts";

export function registerFsck(program: Command, context: CliContext): void {
  const command = program
    .command("fsck")
    .description("check a stopped node's data directory; exits 20 if anything is damaged")
    .argument("<directory>", "the node's data directory")
    .action((directory: string, options: OutputOptions) => fsck(context, directory, options));
  examples(withOutput(command), ["annals fsck /var/lib/annals", "annals fsck .annals/a -o json"]);
}

/** Each of them marks a data directory, also one from which others were removed. */
const DATA_FILES = ["logs", "node.json", "embedded.json", "born"] as const;

async function fsck(context: CliContext, directory: string, options: OutputOptions): Promise<void> {
  const format = context.format(options);
  const path = resolve(context.io.cwd, directory);
  if (!existsSync(path)) {
    throw new CliError("ERR_DIRECTORY_NOT_FOUND", `there is no directory ${path}`, {
      exitCode: EXIT.notFound,
    });
  }
  if (!DATA_FILES.some((name) => existsSync(join(path, name)))) {
    throw new CliError(
      "ERR_DIRECTORY_NOT_FOUND",
      `${path} is no data directory of a node: it has no logs`,
      {
        exitCode: EXIT.notFound,
        hint: "the key data of the node's configuration names it",
      },
    );
  }
  if (isOpen(path))
    await context.note(
      `a node runs on ${path}: what it writes meanwhile may look like leftovers; only of a stopped one the answer is certain`,
    );
  for (const name of readdirSync(path).filter((one) => one.startsWith("quarantine-")))
    await context.note(
      `${name} is data that the node has given up; delete it when it has caught up`,
    );
  const logs = join(path, "logs");
  for (const name of existsSync(logs) ? readdirSync(logs).filter(isAside) : [])
    await context.note(
      `logs/${name} is a copy that was given up by annals log resolve; delete it when nobody needs it`,
    );
  const reports = await context.fsckNode(path);
  const problems = reports.flatMap((report) => report.problems);
  if (problems.some(({ kind }) => kind === "damage")) context.exitCode = EXIT.damaged;
  if (format === "json") return context.printJson({ items: reports });
  if (format === "ndjson") {
    for (const report of reports) await context.print(`${JSON.stringify(report)}\n`);
    return undefined;
  }
  if (reports.length === 0) return context.note(`there are no logs in ${path}`);
  return context.print(fsckText(reports, context.look));
}

/** Whether another process has the data directory. One that may not be written to tells nothing. */
function isOpen(path: string): boolean {
  const lock = join(path, DATA_LOCK);
  if (!existsSync(lock)) return false;
  try {
    new PathLock(lock).release();
    return false;
  } catch (error) {
    return error instanceof AnnalsError && error.code === "ERR_DATA_IN_USE";
  }
}

function fsckText(reports: readonly FsckReport[], look: TableLook): string {
  const table = renderTable<FsckReport>(
    [
      {
        title: "LOG",
        value: ({ logId, directory }) => (logId === undefined ? directory : String(logId)),
        align: "right",
      },
      { title: "NAME", value: ({ name }) => name ?? "" },
      { title: "SEGMENTS", value: ({ segments }) => String(segments.length), align: "right" },
      {
        title: "ENTRIES",
        value: ({ segments }) => formatCount(sum(segments.map(({ entries }) => entries))),
        align: "right",
      },
      {
        title: "LAST SEQ",
        value: ({ lastSeq }) => (lastSeq === undefined ? "?" : formatCount(lastSeq)),
        align: "right",
      },
      { title: "HEAD", value: ({ headHash }) => headHash?.slice(0, 16) ?? "?" },
      { title: "STATE", value: stateOf },
    ],
    reports,
    look,
  );
  const problems = reports.flatMap((report) => report.problems);
  const lines = problems.map(({ kind, where, index, what, advice }) => {
    const at = index === undefined ? where : `${where}, index ${index}`;
    // Whoever reads this has done so.
    const next = advice.replace("run `annals fsck` for details; ", "");
    return `\n${paint(kind === "damage" ? "red" : "yellow", kind, look.color)} ${at}: ${what}\n  = ${next}\n`;
  });
  return table + lines.join("");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function stateOf({ problems, missing }: FsckReport): string {
  if (missing === true) return "MISSING";
  if (problems.length === 0) return "sound";
  return problems.some(({ kind }) => kind === "damage") ? "DAMAGED" : "sound, with leftovers";
}
