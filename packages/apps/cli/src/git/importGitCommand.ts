import { resolve } from "node:path";
import { elapsedText } from "@annals/drill";
import type { Command } from "commander";
import { examples, wholeNumber, withClient, withLog, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { importGit } from "./importGit.ts";
import type { ImportResult } from "./importGit.ts";
import { formatCount } from "../program/output.ts";
import { Progress } from "../program/progress.ts";

interface ImportCommandOptions extends ClientOptions, OutputOptions {
  readonly log: string;
  readonly batch: string;
  readonly ref?: string;
  readonly since?: string;
}

/** An import outlives elections and restarts of the cluster. */
const RETRY_FOR_MS = 120_000;

const BROKEN =
  "the branch was rewritten, or is another one than before: every commit is on record, but not any more what is in each file; " +
  "for that, import into another log (--log)";

export function registerImport(program: Command, context: CliContext): void {
  const parent = program.command("import").description("turn what is elsewhere into audit records");
  const command = parent
    .command("git")
    .description(
      "one record per changed file of every commit; run it again to go on, or to add what is new",
    )
    .argument("[path]", "a repository", ".")
    .option("--ref <revision>", "up to which branch, tag or commit (default: HEAD)")
    .option(
      "--since <revision|date>",
      "without what this revision contains, or what the branch had on this date (2026-01-31, with a time if need be); for the first import",
    )
    .option("--batch <records>", "records in one request", "500")
    .action((path: string, options: ImportCommandOptions) => runImport(context, path, options));
  examples(withOutput(withClient(withLog(command))), [
    "annals import git .",
    "annals import git ~/src/linux --log linux --ref v7.0 --since v6.19",
    "annals import git . --since 2026-01-31",
  ]);
}

async function runImport(
  context: CliContext,
  path: string,
  options: ImportCommandOptions,
): Promise<void> {
  const format = context.format(options);
  const retryForMs = options.timeout === undefined ? RETRY_FOR_MS : undefined;
  const progress = new Progress(context.status, `import into ${options.log}`);
  try {
    const result = await importGit(context.client(options, retryForMs), {
      repository: resolve(context.io.cwd, path),
      log: options.log,
      ...(options.ref === undefined ? {} : { revision: options.ref }),
      ...(options.since === undefined ? {} : { since: options.since }),
      batch: wholeNumber("--batch", options.batch, 1, 10_000),
      signal: context.interrupt,
      onProgress: ({ commitsDone, commitsTotal, records }) =>
        progress.update({ done: commitsDone, total: commitsTotal, unit: "commits", records }),
    });
    const { elapsedMs } = progress;
    progress.end();
    if (!result.isUnbroken) await context.note(BROKEN);
    if (format === "table")
      await context.print(`${describeImport(result, options.log, elapsedMs)}\n`);
    else if (format === "json") await context.printJson({ ...result, elapsedMs });
    else await context.print(`${JSON.stringify({ ...result, elapsedMs })}\n`);
  } finally {
    progress.end();
  }
}

export function describeImport(result: ImportResult, log: string, elapsedMs: number): string {
  const { repository, head, records, commits, firstSeq, lastSeq } = result;
  if (firstSeq === undefined) return `${repository}: nothing new up to ${head.slice(0, 12)}`;
  const rate = formatCount((records * 1000) / Math.max(1, elapsedMs));
  return (
    `${repository}: ${formatCount(records)} records of ${formatCount(commits)} commits into ${log}, ` +
    `seq ${firstSeq} to ${lastSeq}, in ${elapsedText(elapsedMs)} (${rate} records/s)`
  );
}
