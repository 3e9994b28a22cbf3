import type { AnnalsClient } from "@annals/client";
import {
  deadLetterLogOf,
  LETTER_RETRIED,
  LETTER_SKIPPED,
  listLetters,
  resolutionRecord,
} from "@annals/sinks";
import type { ListedLetter } from "@annals/sinks";
import type { Command } from "commander";
import { CliError } from "../program/cliError.ts";
import { wholeNumber, withClient, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { formatCount } from "../program/output.ts";
import type { Column } from "../program/table.ts";
import { printRows } from "../program/printRows.ts";
import { askRunner, sinkPath, withRunner } from "./runnerCalls.ts";
import { tellEach, tellOutcome } from "../program/report.ts";
import type { Tell } from "../program/report.ts";

interface LetterOptions extends ClientOptions {
  readonly log?: string;
  readonly letters?: string;
  readonly runner: string;
}

const DEFAULT_LETTERS = deadLetterLogOf("audit");
const NO_RUNNER: ReadonlySet<string> = new Set(["ERR_RUNNER_UNREACHABLE", "ERR_RUNNER_REFUSED"]);

const LETTER_COLUMNS: readonly Column<ListedLetter>[] = [
  { title: "SINK", value: ({ sink }) => sink },
  { title: "SEQ", value: ({ seq }) => formatCount(seq), align: "right" },
  { title: "STATE", value: ({ state }) => state },
  { title: "TRIES", value: ({ attempts }) => formatCount(attempts), align: "right" },
  { title: "WHY", value: ({ message, reason }) => reason ?? message },
];

export function registerLetters(group: Command, context: CliContext): void {
  const letters = group.command("letters").description("records that a sink could not write");
  const command = (text: string): Command =>
    withRunner(
      withClient(letters.command(text))
        .option("--log <name>", "the log of the sink (default: what its runner says, else audit)")
        .option(
          "--letters <log>",
          "where they are (default: what the runner says, else LOG.dead-letters)",
        ),
      "sink",
    );

  withOutput(command("list"))
    .description("list the dead letters of a log's sinks")
    .argument("[sink]")
    .action(async (sink: string | undefined, options: LetterOptions & OutputOptions) => {
      const client = context.client(options);
      const rows: ListedLetter[] = [];
      for (const log of await letterLogs(options, sink))
        rows.push(...(await listLetters(client, log, sink, context.interrupt)));
      await printRows(context, options, LETTER_COLUMNS, rows);
    });

  withOutput(command("skip"))
    .description("settle a dead letter: the record stays unwritten, and the reason is on record")
    .argument("<sink>")
    .argument("<seq>")
    .requiredOption("--reason <text>", "why")
    .action(
      async (
        sink: string,
        seq: string,
        options: LetterOptions & OutputOptions & { readonly reason: string },
      ) => {
        const log = await letterLog(options, sink);
        const letter = await openLetter(context, options, log, sink, seq);
        const record = resolutionRecord(letter, LETTER_SKIPPED, options.reason);
        await context.client(options).append(log, record);
        const { log: of, seq: at } = letter;
        const text = `skipped ${sink} ${of}:${at}`;
        await tellOutcome(context, options, text, { sink, log: of, seq: at, skipped: true });
      },
    );

  withOutput(command("retry"))
    .description("write the record of a dead letter after all, or of all open ones in their order")
    .argument("<sink>")
    .argument("[seq]")
    .action((sink: string, seq: string | undefined, options: LetterOptions & OutputOptions) =>
      tellEach(context, options, (tell) => retryLetters(context, { sink, seq }, options, tell)),
    );
}

/** One after the other, and none after one that is refused: those of a lane stay in the order of their records. */
async function retryLetters(
  context: CliContext,
  { sink, seq }: { readonly sink: string; readonly seq: string | undefined },
  options: LetterOptions,
  tell: Tell,
): Promise<void> {
  const client = context.client(options);
  const log = await letterLog(options, sink);
  const chosen =
    seq === undefined
      ? await openLetters(client, log, sink, context.interrupt)
      : [await openLetter(context, options, log, sink, seq)];
  if (chosen.length === 0) await context.note(`${log} has no open dead letter of sink ${sink}`);
  for (const letter of chosen) {
    await askRunner(options.runner, "POST", `${sinkPath(sink)}/retry?seq=${letter.seq}`);
    const record = resolutionRecord(letter, LETTER_RETRIED, "written when tried again");
    await client.append(log, record);
    const { log: of, seq: at } = letter;
    await tell(`wrote ${of}:${at}`, { sink, log: of, seq: at, written: true });
  }
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
  throw new CliError(
    "ERR_NO_LETTER",
    `${log} has no open dead letter of record ${wanted} of sink ${sink}`,
    { hint: "`annals sink letters list` prints them; --log and --letters say where else they are" },
  );
}

async function letterLog(options: LetterOptions, sink: string): Promise<string> {
  const [log = DEFAULT_LETTERS] = await letterLogs(options, sink);
  return log;
}

/** Where the letters are: what the options say, else the runner, which knows the logs of its sinks. */
async function letterLogs(
  { log, letters, runner }: LetterOptions,
  sink: string | undefined,
): Promise<readonly string[]> {
  if (letters !== undefined) return [letters];
  if (log !== undefined) return [deadLetterLogOf(log)];
  const path = sink === undefined ? "/sinks" : sinkPath(sink);
  const told = await askRunner(runner, "GET", path).catch((error: unknown) => {
    // Letters outlive their runner.
    if (error instanceof CliError && NO_RUNNER.has(error.code)) return [];
    throw error;
  });
  const known = [...new Set(told.map((status) => status.letters))];
  return known.length === 0 ? [DEFAULT_LETTERS] : known;
}
