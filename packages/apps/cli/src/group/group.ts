import { setTimeout as sleep } from "node:timers/promises";
import type { GroupInfo, GroupStart, LaneInfo } from "@annals/client";
import type { Command } from "commander";
import { examples, wholeNumber, withClient, withLog, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { formatCount } from "../program/output.ts";
import type { Column } from "../program/table.ts";
import { printRows } from "../program/printRows.ts";
import { parseTime } from "../records/time.ts";
import { tellOutcome } from "../program/report.ts";

type GroupOptions = ClientOptions & OutputOptions & { readonly log: string };

interface LaneRow extends LaneInfo {
  readonly group: string;
  readonly feeds: string;
  readonly lane: number;
}

const WATCH_MS = 2_000;
const LANES_MAX = 64;

const GROUP_COLUMNS: readonly Column<GroupInfo>[] = [
  { title: "GROUP", value: ({ name }) => name },
  { title: "LANES", value: ({ lanes }) => String(lanes.length), align: "right" },
  { title: "LAG", value: ({ lag }) => formatCount(lag), align: "right" },
  { title: "HELD", value: ({ lanes }) => String(lanes.filter(isHeld).length), align: "right" },
  { title: "STUCK", value: ({ lanes }) => String(lanes.filter(isStuck).length), align: "right" },
  { title: "FEEDS", value: ({ feeds }) => feeds },
  { title: "SETTINGS", value: ({ settings }) => settings },
];

const LANE_COLUMNS: readonly Column<LaneRow>[] = [
  { title: "GROUP", value: ({ group }) => group },
  { title: "LANE", value: ({ lane }) => String(lane), align: "right" },
  { title: "POSITION", value: ({ position }) => formatCount(position), align: "right" },
  { title: "LAG", value: ({ lag }) => formatCount(lag), align: "right" },
  { title: "CONDITION", value: ({ condition }) => condition },
  { title: "FEEDS", value: ({ feeds }) => feeds },
  { title: "MEMBER", value: ({ member }) => member ?? "" },
];

export function registerGroup(program: Command, context: CliContext): void {
  const group = program.command("group").description("durable cursors of a log's consumers");
  examples(group, [
    "annals group create reports --from end",
    "annals group create sinks --lanes 4 --log orders",
    "annals group lag --watch",
    "annals group reset reports --to 2d",
  ]);

  const command = (text: string): Command => withOutput(withClient(withLog(group.command(text))));

  command("list")
    .description("list the groups of a log")
    .action(async (options: GroupOptions) => {
      const groups = await context.client(options).groups(options.log).list(signal(context));
      await printRows(context, options, GROUP_COLUMNS, groups);
    });

  registerCreate(command("create"), context);

  command("show")
    .description("show one group and who holds its lanes")
    .argument("<name>")
    .action(async (name: string, options: GroupOptions) => {
      const found = await context.client(options).groups(options.log).get(name, signal(context));
      await printLanes(context, options, [found]);
    });

  command("lag")
    .description("how far every lane of every group is behind")
    .option("--watch", "again every two seconds until Ctrl-C")
    .action(async (options: GroupOptions & { watch?: boolean }) => {
      const groups = context.client(options).groups(options.log);
      for (;;) {
        await printLanes(context, options, await groups.list(signal(context)));
        if (options.watch !== true) return;
        await sleep(WATCH_MS, undefined, signal(context)).catch(() => undefined);
        if (context.interrupt.aborted) return;
      }
    });

  command("reset")
    .description("let a group go on from elsewhere; whoever consumes has to begin again")
    .argument("<name>")
    .requiredOption("--to <start>", "first, end, a seq behind which to go on, or a time")
    .action(async (name: string, options: GroupOptions & { to: string }) => {
      const to = parseStart("--to", options.to);
      const groups = context.client(options).groups(options.log);
      await printLanes(context, options, [await groups.reset(name, to, signal(context))]);
    });

  command("delete")
    .description("delete a group and its positions")
    .argument("<name>")
    .action(async (name: string, options: GroupOptions) => {
      const { log } = options;
      await context.client(options).groups(log).delete(name, signal(context));
      await tellOutcome(context, options, `deleted group ${name} of ${log}`, { log, group: name });
    });
}

function registerCreate(command: Command, context: CliContext): void {
  command
    .description("create a group; the same again does no harm")
    .argument("<name>")
    .option("--from <start>", "first, end, a seq behind which to begin, or a time", "first")
    .option("--lanes <count>", "how many members can work at a time", "1")
    .option("--settings <text>", "what must be the same for all of its consumers", "")
    .action(
      async (
        name: string,
        options: GroupOptions & { from: string; lanes: string; settings: string },
      ) => {
        const { log, from, lanes, settings } = options;
        const made = await context
          .client(options)
          .groups(log)
          .create(name, {
            from: parseStart("--from", from),
            lanes: wholeNumber("--lanes", lanes, 1, LANES_MAX),
            settings,
            ...signal(context),
          });
        await printLanes(context, options, [made]);
      },
    );
}

function signal(context: CliContext): { readonly signal: AbortSignal } {
  return { signal: context.interrupt };
}

function parseStart(option: string, text: string): GroupStart {
  if (text === "first" || text === "end") return text;
  return /^\d{1,16}$/.test(text) ? Number(text) : parseTime(option, text, Date.now());
}

function isHeld({ condition }: LaneInfo): boolean {
  return condition !== "free";
}

function isStuck({ condition }: LaneInfo): boolean {
  return condition === "stuck" || condition === "silent";
}

async function printLanes(
  context: CliContext,
  options: OutputOptions,
  groups: readonly GroupInfo[],
): Promise<void> {
  const rows = groups.flatMap(({ name, feeds, lanes }) =>
    lanes.map((lane, at) => ({ ...lane, group: name, feeds, lane: at })),
  );
  return printRows(context, options, LANE_COLUMNS, rows, groups);
}
