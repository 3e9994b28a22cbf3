import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { ClientError } from "@annals/client";
import type { AnnalsClient, AuditRecord } from "@annals/client";
import { parseExactly } from "@annals/record";
import type { Command } from "commander";
import { CliError, usageError } from "../program/cliError.ts";
import {
  collect,
  examples,
  wholeNumber,
  withClient,
  withLog,
  withOutput,
} from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { EXIT } from "../program/exitCodes.ts";
import { Follower } from "../follow/follower.ts";
import { Importer } from "../import/importer.ts";
import type { Appended, FileCount } from "../import/tally.ts";
import { counted } from "../program/output.ts";
import { Progress } from "../program/progress.ts";

interface AppendCommandOptions extends ClientOptions, OutputOptions {
  readonly log: string;
  readonly actor?: string;
  readonly actorType?: string;
  readonly action?: string;
  readonly target?: readonly string[];
  readonly targetType?: string;
  readonly outcome?: string;
  readonly tenant?: string;
  readonly time?: string;
  readonly data?: string;
  readonly batch: string;
  readonly follow?: boolean;
  readonly state?: string;
  readonly deadLetters?: string;
}

const FILES_HELP = `
Files:
  Without --state, a command that is repeated appends again. When it ends early it says what is in
  the log, and how to go on. A UTF-16 file or a JSON array is refused, with the command that makes
  JSON lines of it. --follow reads rotated files, too (FILE.1, FILE-20260101, FILE.old, also .gz
  and .zst), oldest first; those that were there before the first start are never read.
`;

type AppendedOne = Pick<Appended, "log" | "firstSeq" | "lastSeq" | "count">;

const REQUEST_BYTES_MAX = 1 << 20;

export function registerAppend(program: Command, context: CliContext): void {
  const command = program
    .command("append")
    .description("append one record from options, or many from files of JSON lines (- for stdin)")
    .argument("[files...]", "one JSON record a line; gzip and zstd are recognised")
    .option("--actor <id>", "who did it")
    .option("--actor-type <type>", "what the actor is, such as user or service")
    .option("--action <action>", "what was done, such as file.deleted")
    .option("--target <id>", "to what; repeatable", collect)
    .option("--target-type <type>", "what the targets are")
    .option("--outcome <outcome>", "success, failure, denied or unknown")
    .option("--tenant <name>", "on whose behalf")
    .option("--time <time>", "when it happened, RFC 3339")
    .option("--data <json>", "anything else, as a JSON object")
    .option("--batch <records>", "records in one request", "500")
    .option("--follow", "append what the file has and what comes, each line once, until Ctrl-C")
    .option(
      "--state <file>",
      "where it remembers how far it is: run again, it goes on there (with --follow: FILE.annals)",
    )
    .option("--dead-letters <file>", "where lines go that the log does not take; then exit code 7")
    .action((files: readonly string[], options: AppendCommandOptions) =>
      append(context, files, options),
    );
  examples(withOutput(withClient(withLog(command))), [
    "annals append --actor ada --action file.deleted --target report.pdf",
    "annals append events.ndjson 2026-*.ndjson.gz --log orders --dead-letters refused.ndjson",
    "annals append big.ndjson --state big.state",
    "jq -c '.Records[]' cloudtrail.json | annals append -",
    "annals append --follow /var/log/app.ndjson --dead-letters refused.ndjson",
  ]).addHelpText("after", FILES_HELP);
}

async function append(
  context: CliContext,
  files: readonly string[],
  options: AppendCommandOptions,
): Promise<void> {
  const client = context.client(options);
  const format = context.format(options);
  const result = await appendTo(context, client, files, options);
  if (format === "table") await context.print(describe(result));
  else if (format === "json") await context.printJson(result);
  else await context.print(`${JSON.stringify(result)}\n`);
}

async function appendTo(
  context: CliContext,
  client: AnnalsClient,
  files: readonly string[],
  options: AppendCommandOptions,
): Promise<Appended | AppendedOne> {
  if (options.follow === true) return followFile(context, client, files, options);
  if (files.length > 0) return appendFiles(context, client, files, options);
  if (options.state !== undefined || options.deadLetters !== undefined)
    throw usageError("--state and --dead-letters go with files");
  return appendOne(client, options, context.interrupt);
}

async function followFile(
  context: CliContext,
  client: AnnalsClient,
  files: readonly string[],
  { log, batch, state, deadLetters }: AppendCommandOptions,
): Promise<Appended> {
  const [file] = files;
  if (file === undefined || file === "-" || files.length > 1)
    throw usageError("--follow needs the name of one file");
  const path = resolve(context.io.cwd, file);
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && !found.isFile())
    throw new CliError("ERR_FILE_UNREADABLE", `${file} is no regular file: it cannot be followed`, {
      hint: "name a file that a program adds lines to; a pipe goes to `annals append -`",
    });
  const statePath = resolve(context.io.cwd, state ?? `${file}.annals`);
  await context.note(`annals: ${file} goes to ${log}; how far it is, is in ${statePath}`);
  const followed = await Follower.run({
    client,
    log,
    path,
    statePath,
    deadLetters: deadLetters === undefined ? undefined : resolve(context.io.cwd, deadLetters),
    maxRecords: wholeNumber("--batch", batch, 1, 10_000),
    maxBytes: REQUEST_BYTES_MAX,
    note: (text) => context.note(text),
    interrupt: context.interrupt,
  });
  return followed;
}

function describe(appended: Appended | AppendedOne): string {
  const { log, firstSeq, lastSeq, count } = appended;
  const seqs = firstSeq === lastSeq ? `seq ${firstSeq}` : `seq ${firstSeq} to ${lastSeq}`;
  const what = `${counted(count, "record")} to ${log}`;
  // Of requests of an earlier run whose answers were lost nobody knows the seqs.
  const where = firstSeq === null ? "" : `: ${seqs}`;
  const first = count === 0 ? `nothing to append to ${log}\n` : `appended ${what}${where}\n`;
  if (!("files" in appended)) return first;
  const { deadLetters, gaps, files } = appended;
  const lines = files.length > 1 ? files.map(fileLine) : [];
  const became = deadLetters === 1 ? "a dead letter" : "dead letters";
  const letters = deadLetters > 0 ? [`${counted(deadLetters, "line")} became ${became}\n`] : [];
  const missing =
    gaps > 0 ? [`lines may be missing in ${counted(gaps, "place")} (see above)\n`] : [];
  return [first, ...lines, ...letters, ...missing].join("");
}

function fileLine({ file, lines, records, deadLetters }: FileCount): string {
  const counts = `${counted(lines, "line")}, ${counted(records, "record")}`;
  const letters = deadLetters > 0 ? `, ${counted(deadLetters, "dead letter")}` : "";
  return `  ${file}: ${counts}${letters}\n`;
}

async function appendOne(
  client: AnnalsClient,
  options: AppendCommandOptions,
  signal: AbortSignal,
): Promise<AppendedOne> {
  const record = recordOf(options);
  // With a stamp of its own, the one record can be sent again until its outcome is known.
  const id = `cli-${randomUUID()}`;
  const epoch = await client.nextEpoch(options.log, id, { signal });
  const producer = { id, epoch, sequence: 1 };
  const { firstSeq, lastSeq, count } = await client
    .append(options.log, record, { producer, signal })
    .catch((error: unknown) => {
      throw atOption(error);
    });
  return { log: options.log, firstSeq, lastSeq, count };
}

/** The options that make a record, by the beginning of the path that the server names. */
const OPTION_OF_FIELD: readonly (readonly [path: string, option: string])[] = [
  ["actor.type", "--actor-type"],
  ["actor", "--actor"],
  ["action", "--action"],
  ["targets", "--target"],
  ["outcome", "--outcome"],
  ["tenant", "--tenant"],
  ["time", "--time"],
  ["data", "--data"],
];

/** The server names fields of a record; whoever wrote no record knows options. */
function atOption(error: unknown): unknown {
  if (!(error instanceof ClientError) || !error.code.startsWith("ERR_RECORD_")) return error;
  const { path } = error.details;
  const option = OPTION_OF_FIELD.find(
    ([field]) => typeof path === "string" && path.startsWith(field),
  )?.[1];
  const what = error.message.replace(/ \((?:record \d+)?(?:, )?[^()]*\)$/, "");
  return new CliError(
    error.code as `ERR_${string}`,
    option === undefined ? what : `${option}: ${what}`,
    { exitCode: EXIT.usage, cause: error },
  );
}

function recordOf(options: AppendCommandOptions): AuditRecord {
  const { actor, actorType, action, target, targetType, outcome, tenant, time, data } = options;
  if (actor === undefined || action === undefined) {
    throw usageError(
      "a record needs --actor and --action",
      "or give a file of JSON lines: annals append FILE (- for stdin)",
    );
  }
  return {
    actor: { ...(actorType === undefined ? {} : { type: actorType }), id: actor },
    action,
    ...(time === undefined ? {} : { time }),
    ...(target === undefined
      ? {}
      : {
          targets: target.map((id) => ({
            ...(targetType === undefined ? {} : { type: targetType }),
            id,
          })),
        }),
    // The server checks the outcome, and says what is allowed.
    ...(outcome === undefined ? {} : { outcome: outcome as "success" }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(data === undefined ? {} : { data: parseData(data) }),
  };
}

function parseData(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseExactly(text);
  } catch (error) {
    throw usageError(`--data is not JSON: ${error instanceof Error ? error.message : ""}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw usageError('--data: expected a JSON object such as {"ip": "10.0.0.1"}');
}

/** What a read to their ends of files, or of stdin, needs. */
async function appendFiles(
  context: CliContext,
  client: AnnalsClient,
  files: readonly string[],
  { log, batch, state, deadLetters }: AppendCommandOptions,
): Promise<Appended> {
  const { cwd } = context.io;
  const progress = new Progress(context.status, `append to ${log}`);
  try {
    const appended = await Importer.run({
      client,
      log,
      files,
      cwd,
      stdin: () => context.stdin(),
      statePath: state === undefined ? undefined : resolve(cwd, state),
      deadLetters: deadLetters === undefined ? undefined : resolve(cwd, deadLetters),
      maxRecords: wholeNumber("--batch", batch, 1, 10_000),
      maxBytes: REQUEST_BYTES_MAX,
      note: (text) => context.note(text),
      onProgress: (done, total, records) =>
        progress.update({ done, total, unit: "bytes", records }),
      interrupt: context.interrupt,
    });
    if (appended.deadLetters > 0) context.exitCode = EXIT.deadLetters;
    return appended;
  } finally {
    progress.end();
  }
}
