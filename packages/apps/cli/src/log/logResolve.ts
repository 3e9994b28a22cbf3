import { userInfo } from "node:os";
import { resolve } from "node:path";
import { KEYS, parseBytes } from "@annals/config";
import { OfflineLog } from "@annals/node";
import type { OfflineCopy } from "@annals/node";
import type { Command } from "commander";
import { confirm } from "../program/confirm.ts";
import { examples, withClient, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { formatCount } from "../program/output.ts";
import type { Column } from "../program/table.ts";
import { printRows } from "../program/printRows.ts";
import { showCandidates } from "./logCandidates.ts";
import { DEFAULT_WAIT, resolveOnline } from "./logResolveOnline.ts";
import { partedText, timeText } from "./partedText.ts";
import { loadOrThrow, withConfig } from "../config/config.ts";
import type { ConfigOptions } from "../config/config.ts";

interface ResolveOptions extends ConfigOptions, ClientOptions, OutputOptions {
  readonly keep?: string;
  readonly yes?: boolean;
  readonly wait?: string;
}

export function registerResolve(log: Command, context: CliContext): void {
  const command = withOutput(
    withClient(
      withConfig(
        log
          .command("resolve")
          .description(
            "show the copies of a log that has diverged, and keep the one of one node: by a decision of the cluster, or on stopped nodes",
          )
          .argument("<name>"),
      ),
    )
      .option("--keep <node>", "the node whose copy is the log from now on")
      .option("--yes", "do not ask")
      .option(
        "--wait <duration>",
        `how long to wait until every node has carried it out (default ${DEFAULT_WAIT})`,
      ),
  );
  examples(command, [
    "annals log resolve audit --url http://a:7400",
    "annals log resolve audit --url http://a:7400 --keep a",
    "annals log resolve audit --data /var/lib/annals",
    "annals log resolve audit --keep a --data /var/lib/annals",
    "annals log resolve _system --keep a -c /etc/annals.yaml --node b --yes",
  ]);
  command.action((name: string, options: ResolveOptions) => {
    const offline = options.data !== undefined || configFile(context, options) !== undefined;
    if (offline) return resolveOffline(context, name, options);
    const { keep } = options;
    if (keep === undefined) return showCandidates(context, name, options);
    return resolveOnline(context, name, { ...options, keep });
  });
}

async function resolveOffline(
  context: CliContext,
  log: string,
  options: ResolveOptions,
): Promise<void> {
  context.format(options);
  const { keep } = options;
  await OfflineLog.with({ ...placeOf(context, options), log }, async (offline) => {
    const found = await offline.describe();
    if (keep === undefined) return show(context, options, found);
    offline.assertKnown(keep);
    for (const line of consequences(found, keep)) await context.note(line);
    if (options.yes !== true)
      await confirm(context, `Keep the copy of node ${keep} for log ${log}`, log);
    const by = userInfo().username;
    const outcome = await offline.resolve({ keep, by, at: Date.now() });
    if (context.format(options) !== "table")
      return context.printJson({ node: found.node, log, keep, ...outcome });
    return context.print(`${outcomeText(found, keep, outcome)}\n`);
  });
}

/** The configuration names the data directory where there is one; `--data` alone will do. */
function placeOf(
  context: CliContext,
  options: ResolveOptions,
): { readonly data: string; readonly segmentBytes: number } {
  if (options.data === undefined || configFile(context, options) !== undefined) {
    const { config } = loadOrThrow(context, options, false);
    return { data: config.data, segmentBytes: config.storage.segmentBytes };
  }
  return { data: resolve(context.io.cwd, options.data), segmentBytes: standardSegmentBytes() };
}

function configFile(context: CliContext, options: ResolveOptions): string | undefined {
  return options.config ?? context.io.env["ANNALS_CONFIG"];
}

function standardSegmentBytes(): number {
  const standard = KEYS.find(({ path }) => path === "storage.segmentBytes")?.standard;
  const parsed = parseBytes(String(standard));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

const COLUMNS: readonly Column<OfflineCopy>[] = [
  { title: "NODE", value: ({ node }) => node },
  { title: "LAST", value: count(({ lastIndex }) => lastIndex), align: "right" },
  { title: "TERM", value: count(({ lastTerm }) => lastTerm), align: "right" },
  { title: "LAST SEQ", value: count(({ lastSeq }) => lastSeq), align: "right" },
  { title: "COMMITTED", value: count(({ commitIndex }) => commitIndex), align: "right" },
  { title: "HEAD", value: ({ copy }) => ("unreadable" in copy ? "?" : copy.headHash.slice(0, 16)) },
  { title: "STATE", value: stateOf },
];

type ReadableCopy = Exclude<OfflineCopy["copy"], { readonly unreadable: string }>;

function count(of: (copy: ReadableCopy) => number): (row: OfflineCopy) => string {
  return ({ copy }) => ("unreadable" in copy ? "?" : formatCount(of(copy)));
}

function stateOf({ copy }: OfflineCopy): string {
  if ("unreadable" in copy) return `cannot be read: ${copy.unreadable}`;
  if (copy.emptied !== undefined) return `emptied, waits for the copy of ${copy.emptied.node}`;
  if (copy.divergence === undefined) return "has met no difference";
  const { since, other } = copy.divergence;
  return `diverged at ${formatCount(other.index)} since ${timeText(since)}`;
}

async function show(
  context: CliContext,
  options: ResolveOptions,
  found: OfflineCopy,
): Promise<void> {
  await printRows(context, options, COLUMNS, [found]);
  if (context.format(options) !== "table") return;
  for (const line of details(found)) await context.print(`${line}\n`);
}

function details({ member, directory, copy }: OfflineCopy): readonly string[] {
  const lines = [`\nmember ${member}, ${directory}`];
  if ("unreadable" in copy) return lines;
  const { divergence, aside } = copy;
  if (divergence !== undefined) {
    const { own, other } = divergence;
    const there = `member ${other.member} has entry ${other.index} of term ${other.term} with hash ${other.hash}`;
    const here =
      own === undefined ? "no such entry" : `that entry of term ${own.term} with hash ${own.hash}`;
    lines.push(`${there}, committed there up to ${other.commitIndex}; here is ${here}`);
  }
  return [...lines, lossText(copy), ...aside.map((name) => `put aside: ${name}`)];
}

/** What only this copy may have. */
function lossText(copy: OfflineCopy["copy"]): string {
  return "unreadable" in copy
    ? "what is in this copy is not known: it cannot be read"
    : partedText(copy.parted, copy.lastIndex);
}

function consequences(found: OfflineCopy, keep: string): readonly string[] {
  const { node, log, copy } = found;
  if (keep === node) return [`log ${log}: the copy of this node, ${node}, is kept`];
  const unmarked =
    "unreadable" in copy || copy.divergence !== undefined
      ? []
      : [`log ${log}: this copy has met no difference; the one of ${keep} takes its place anyway`];
  return [
    ...unmarked,
    `log ${log}: the copy of this node, ${node}, is put aside, and nobody reads it any more`,
    `log ${log}: ${lossText(copy)}`,
  ];
}

function outcomeText(
  { node, log }: OfflineCopy,
  keep: string,
  { kept, aside }: { readonly kept: boolean; readonly aside: string | undefined },
): string {
  if (kept) return `log ${log}: the copy of ${node} is kept; do the same on every other node`;
  if (aside === undefined) return `log ${log}: ${node} waits for the copy of ${keep} already`;
  return `log ${log}: the copy of ${node} lies in ${aside}; the node gives no vote until it has the copy of ${keep}`;
}
