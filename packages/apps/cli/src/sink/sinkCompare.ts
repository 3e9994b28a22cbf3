import { ClientError } from "@annals/client";
import type { AnnalsClient, GroupInfo, StoredRecord } from "@annals/client";
import { compareSides, heldOf, listLetters } from "@annals/sinks";
import type { Comparison, Difference, HeldStretch, SinkStatus } from "@annals/sinks";
import type { Command } from "commander";
import { CliError } from "../program/cliError.ts";
import { EXIT } from "../program/exitCodes.ts";
import { wholeNumber, withClient, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { formatCount } from "../program/output.ts";
import type { Column } from "../program/table.ts";
import { printRows } from "../program/printRows.ts";
import { deadLetterLogFor, groupOf, sinkLane } from "./assemble.ts";
import { sinkMaker } from "./makeSink.ts";
import { askRunner, askRunnerFor, sinkPath, withRunner } from "./runnerCalls.ts";
import { oneSink } from "./site.ts";

interface CompareOptions extends ClientOptions, OutputOptions {
  readonly from?: string;
  readonly to?: string;
  readonly file?: string;
  readonly runner: string;
}

/** A sink that can be asked what it holds, through its runner or without one. */
interface Place {
  readonly client: AnnalsClient;
  readonly log: string;
  readonly letters: string;
  /** Where its group began: nothing up to there was ever written. */
  readonly begin: number;
  /** How far its lanes are: what is beyond was not written yet. */
  readonly position: number;
  /** One a lane. */
  readonly lanes: readonly ((from: number, to: number) => Promise<HeldStretch>)[];
  close(): Promise<void>;
}

const DIFFERENCE_COLUMNS: readonly Column<Difference>[] = [
  { title: "SEQ", value: ({ seq }) => formatCount(seq), align: "right" },
  { title: "WHAT", value: ({ kind }) => kind },
  { title: "NOTE", value: ({ note }) => note ?? "" },
];

export function registerCompare(group: Command, context: CliContext): void {
  withRunner(withOutput(withClient(group.command("compare"))), "sink")
    .description("hold what a sink has written against the log, and name what differs")
    .argument("<name>")
    .option(
      "--from <seq>",
      "the first record (default: the first of the log, or where the sink began)",
    )
    .option("--to <seq>", "the last one (default: where the sink is)")
    .option("--file <file>", "ask the place itself, by this file of sinks, and no runner")
    .action(async (name: string, options: CompareOptions) => {
      const place =
        options.file === undefined
          ? await placeOfRunner(context, name, options)
          : await placeOfFile(context, name, options, options.file);
      try {
        await compare(context, name, options, place);
      } finally {
        await place.close();
      }
    });
}

async function compare(
  context: CliContext,
  name: string,
  options: CompareOptions,
  place: Place,
): Promise<void> {
  const { client, log, letters: letterLog, lanes } = place;
  const signal = context.interrupt;
  const oldest = await client.read(log, { limit: 1 }, { signal });
  const first = Math.max(oldest.items[0]?.seq ?? 1, place.begin + 1);
  const most = Number.MAX_SAFE_INTEGER;
  const from = options.from === undefined ? first : wholeNumber("--from", options.from, 1, most);
  const to = options.to === undefined ? place.position : wholeNumber("--to", options.to, 0, most);
  const listed = await listLetters(client, letterLog, name, signal);
  const letters = new Set(listed.filter((one) => one.log === log).map(({ seq }) => seq));
  const comparison = await compareSides({
    from,
    to,
    letters,
    read: async (start, end) => {
      const records: StoredRecord[] = [];
      const { items, covered } = await client.read(
        log,
        { from: start, to: end, limit: 1_000 },
        { signal },
      );
      records.push(...items);
      return { to: Math.max(covered.to, records.at(-1)?.seq ?? start - 1, start), records };
    },
    held: async (start, end) => {
      const stretches = [];
      for (const lane of lanes) stretches.push(await lane(start, end));
      return {
        to: Math.min(...stretches.map((one) => one.to)),
        held: stretches.flatMap(({ held }) => held),
      };
    },
  });
  await printComparison(context, name, options, comparison);
  if (comparison.differences > 0) context.exitCode = EXIT.failed;
}

async function printComparison(
  context: CliContext,
  name: string,
  options: CompareOptions,
  comparison: Comparison,
): Promise<void> {
  const { from, to, log, sink, letters, differences, first } = comparison;
  if (context.format(options) !== "table") return context.printJson({ name, ...comparison });
  const same = differences === 0 ? "the same" : `${formatCount(differences)} differences`;
  const dead = letters === 0 ? "" : `, ${formatCount(letters)} dead letters`;
  await context.print(
    `${name}, records ${from} to ${to}: ${same}\n` +
      `log   ${formatCount(log.count)} records${dead}, sha256 ${log.hash}\n` +
      `sink  ${formatCount(sink.count)} records, sha256 ${sink.hash}\n`,
  );
  if (first.length > 0) await printRows(context, options, DIFFERENCE_COLUMNS, first);
}

async function placeOfRunner(
  context: CliContext,
  name: string,
  options: CompareOptions,
): Promise<Place> {
  const { runner } = options;
  const statuses = await askRunner(runner, "GET", sinkPath(name));
  const [status] = statuses;
  if (status === undefined) throw notHere(name);
  const client = context.client(options);
  const group = await groupOfSink(context, client, status.log, status.group);
  return {
    client,
    log: status.log,
    letters: status.letters,
    begin: group?.begin ?? 0,
    position: positionOf(statuses),
    lanes: statuses.map(
      ({ lane }) =>
        (from, to) =>
          askRunnerFor<HeldStretch>(
            runner,
            "GET",
            `${sinkPath(name)}/held?lane=${lane}&from=${from}&to=${to}`,
          ),
    ),
    close: async () => undefined,
  };
}

function positionOf(statuses: readonly SinkStatus[]): number {
  return Math.min(...statuses.map(({ position }) => position?.seq ?? 0));
}

async function placeOfFile(
  context: CliContext,
  name: string,
  options: CompareOptions,
  path: string,
): Promise<Place> {
  const { site, spec } = await oneSink(context, path, name, options);
  const make = await sinkMaker(site, name, spec);
  const lanes = Array.from({ length: spec.lanes }, (_, k) => sinkLane(site, name, spec, make, k));
  const sinks = lanes.map(({ sink, source }) => ({ sink: sink(), source }));
  const group = await groupOfSink(context, site.client, spec.log, groupOf(name, spec));
  return {
    client: site.client,
    log: spec.log,
    letters: deadLetterLogFor(spec),
    begin: group?.begin ?? 0,
    // What was written beyond it is not asked for: the position follows within a second.
    position: Math.min(
      ...(group?.lanes ?? []).map(({ position }) => position),
      Number.MAX_SAFE_INTEGER,
    ),
    lanes: sinks.map(
      ({ sink, source }) =>
        (from, to) =>
          heldOf({ name, sink, source, readBytes: READ_BYTES }, from, to, context.interrupt),
    ),
    close: async () => {
      for (const { sink } of sinks) await sink.close();
    },
  };
}

async function groupOfSink(
  context: CliContext,
  client: AnnalsClient,
  log: string,
  name: string,
): Promise<GroupInfo | undefined> {
  try {
    return await client.groups(log).get(name, { signal: context.interrupt });
  } catch (error) {
    if (error instanceof ClientError && error.code === "ERR_GROUP_NOT_FOUND") return undefined;
    throw error;
  }
}

const READ_BYTES = 1 << 20;

function notHere(name: string): CliError {
  return new CliError("ERR_RUNNER_REFUSED", `the runner has no sink ${name}`, {
    exitCode: EXIT.notFound,
  });
}
