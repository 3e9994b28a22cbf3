import { resolve } from "node:path";
import type { Command } from "commander";
import { examples, withOutput } from "../context.ts";
import type { CliContext, OutputOptions } from "../context.ts";
import { EXIT } from "../exitCodes.ts";

export function registerFsck(program: Command, context: CliContext): void {
  const command = program
    .command("fsck")
    .description("check a stopped node's data directory; exits 20 if anything is damaged")
    .argument("<directory>", "the node's data directory")
    .action((directory: string, options: OutputOptions) => fsck(context, directory, options));
  examples(withOutput(command), ["annals fsck /var/lib/annals", "annals fsck ./data/a -o json"]);
}

async function fsck(context: CliContext, directory: string, options: OutputOptions): Promise<void> {
  const format = context.format(options);
  const { problems, report } = await context.fsckNode(resolve(context.io.cwd, directory));
  if (problems.length > 0) context.exitCode = EXIT.damaged;
  if (format === "json") return context.printJson(report);
  if (format === "ndjson") {
    for (const problem of problems) await context.print(`${JSON.stringify(problem)}\n`);
    return undefined;
  }
  if (problems.length === 0) return context.print(`${directory}: no damage found\n`);
  for (const { where, what, mend } of problems)
    await context.print(`${where}: ${what}\n  = ${mend}\n`);
  return context.note(`${problems.length} ${problems.length === 1 ? "problem" : "problems"} found`);
}
