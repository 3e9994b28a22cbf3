import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { ClientError } from "@annals/client";
import type { AnnalsClient, AuditRecord } from "@annals/client";
import { parseExactly } from "@annals/record";
import type { Command } from "commander";
import { CliError, usageError } from "../cliError.ts";
import { collect, examples, wholeNumber, withClient, withLog, withOutput } from "../context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../context.ts";
import { EXIT } from "../exitCodes.ts";
import { Follower } from "../follow/follower.ts";
import { readLines } from "../lines.ts";
import { formatCount } from "../output.ts";
import { Progress } from "../progress.ts";

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

interface Appended {
  readonly log: string;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  readonly count: number;
}

const WINDOW = 4;
const REQUEST_BYTES_MAX = 1 << 20;

export function registerAppend(program: Command, context: CliContext): void {
  const command = program
    .command("append")
    .description("append one record from options, or many from a file of JSON lines (- for stdin)")
    .argument("[file]", "one JSON record a line")
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
    .option("--state <file>", "where --follow remembers how far it is (default: FILE.annals)")
    .option("--dead-letters <file>", "where --follow puts lines that the log does not take")
    .action((file: string | undefined, options: AppendCommandOptions) =>
      append(context, file, options),
    );
  examples(withOutput(withClient(withLog(command))), [
    "annals append --actor ada --action file.deleted --target report.pdf",
    "annals append events.ndjson --log orders",
    "journal | annals append -",
    "annals append --follow /var/log/app.ndjson --dead-letters refused.ndjson",
  ]);
}

async function append(
  context: CliContext,
  file: string | undefined,
  options: AppendCommandOptions,
): Promise<void> {
  const client = context.client(options);
  const format = context.format(options);
  const result = await appendTo(context, client, file, options);
  if (format === "table") await context.print(describe(result));
  else if (format === "json") await context.printJson(result);
  else await context.print(`${JSON.stringify(result)}\n`);
}

function appendTo(
  context: CliContext,
  client: AnnalsClient,
  file: string | undefined,
  options: AppendCommandOptions,
): Promise<Appended> {
  if (options.follow === true) return followFile(context, client, file, options);
  if (options.state !== undefined || options.deadLetters !== undefined)
    throw usageError("--state and --dead-letters go with --follow");
  return file === undefined
    ? appendOne(client, options, context.interrupt)
    : appendFile(context, client, file, options);
}

async function followFile(
  context: CliContext,
  client: AnnalsClient,
  file: string | undefined,
  { log, batch, state, deadLetters }: AppendCommandOptions,
): Promise<Appended> {
  if (file === undefined || file === "-") throw usageError("--follow needs the name of a file");
  const path = resolve(context.io.cwd, file);
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

function describe({ log, firstSeq, lastSeq, count }: Appended): string {
  if (count === 0) return `nothing to append to ${log}\n`;
  const what =
    count === 1
      ? `1 record to ${log}: seq ${firstSeq}`
      : `${formatCount(count)} records to ${log}: seq ${firstSeq} to ${lastSeq}`;
  return `appended ${what}\n`;
}

async function appendOne(
  client: AnnalsClient,
  options: AppendCommandOptions,
  signal: AbortSignal,
): Promise<Appended> {
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

async function appendFile(
  context: CliContext,
  client: AnnalsClient,
  file: string,
  options: AppendCommandOptions,
): Promise<Appended> {
  const batch = wholeNumber("--batch", options.batch, 1, 10_000);
  const signal = context.interrupt;
  const id = `cli-${randomUUID()}`;
  const producer = client.orderedProducer(options.log, {
    id,
    epoch: await client.nextEpoch(options.log, id, { signal }),
    nextSequence: 1,
    window: WINDOW,
    signal,
  });
  const progress = new Progress(context.io.stderr, `append to ${options.log}`);
  let firstSeq: number | null = null;
  let lastSeq: number | null = null;
  let count = 0;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let firstLine = 1;
  let fault: unknown;

  const send = async (nextLine: number): Promise<void> => {
    if (pending.length === 0) return;
    await producer.ready().catch((error: unknown) => {
      throw fault ?? error;
    });
    const lines = pending;
    const startLine = firstLine;
    pending = [];
    pendingBytes = 0;
    firstLine = nextLine;
    const bytes = joinLines(lines);
    void producer.append({ contentType: "application/x-ndjson", bytes }).then(
      (reply) => {
        firstSeq = Math.min(firstSeq ?? reply.firstSeq, reply.firstSeq);
        lastSeq = Math.max(lastSeq ?? 0, reply.lastSeq);
        count += reply.count;
        progress.update({ done: 0, total: 0, unit: "", records: count });
      },
      (error: unknown) => {
        fault ??= atLine(error, file, startLine, count);
      },
    );
  };

  const input = file === "-" ? context.stdin() : createReadStream(resolve(context.io.cwd, file));
  let line = 0;
  try {
    for await (const bytes of readLines(input)) {
      line++;
      // Empty lines stay: so that the server's positions can be told as lines, they begin a new request.
      if (bytes.length === 0) {
        await send(line + 1);
        firstLine = line + 1;
        continue;
      }
      if (pending.length >= batch || pendingBytes + bytes.length > REQUEST_BYTES_MAX)
        await send(line);
      pending.push(bytes);
      pendingBytes += bytes.length + 1;
    }
    await send(line + 1);
    await producer.drain();
  } catch (error) {
    throw fault ?? fileError(error, file);
  } finally {
    progress.end();
  }
  return { log: options.log, firstSeq, lastSeq, count };
}

function joinLines(lines: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(lines.reduce((sum, line) => sum + line.length + 1, 0));
  let at = 0;
  for (const line of lines) {
    out.set(line, at);
    at += line.length;
    out[at++] = 0x0a;
  }
  return out;
}

/** The server knows the position in the request; people know lines. */
function atLine(error: unknown, file: string, firstLine: number, appended: number): unknown {
  if (!(error instanceof ClientError) || !error.notAccepted) return error;
  const { position } = error.details;
  const line = typeof position === "number" ? firstLine + position : firstLine;
  return new CliError(
    error.code as `ERR_${string}`,
    `${file === "-" ? "stdin" : file}:${line}: ${error.message}`,
    {
      hint: `${formatCount(appended)} records before it were appended; nothing from line ${firstLine} on was`,
      cause: error,
    },
  );
}

function fileError(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  return new CliError("ERR_FILE_UNREADABLE", `cannot read ${file}: ${error.message}`, {
    cause: error,
  });
}
