import type { AnnalsClient, CopyInfo } from "@annals/client";
import { CliError } from "../program/cliError.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { EXIT } from "../program/exitCodes.ts";
import { formatCount } from "../program/output.ts";
import type { Column } from "../program/table.ts";
import { printRows } from "../program/printRows.ts";
import { timeText } from "./partedText.ts";

/** The copy of a log on a node that runs; `copy` is absent when the node does not answer. */
export interface Candidate {
  readonly node: string;
  readonly copy?: CopyInfo;
}

const COLUMNS: readonly Column<Candidate>[] = [
  { title: "NODE", value: ({ node }) => node },
  { title: "LAST", value: count("lastIndex"), align: "right" },
  { title: "TERM", value: count("lastTerm"), align: "right" },
  { title: "LAST SEQ", value: count("lastSeq"), align: "right" },
  { title: "COMMITTED", value: count("commitIndex"), align: "right" },
  { title: "HEAD", value: ({ copy }) => copy?.headHash?.slice(0, 16) ?? "?" },
  { title: "STATE", value: stateOf },
];

function count(
  key: "lastIndex" | "lastTerm" | "lastSeq" | "commitIndex",
): (row: Candidate) => string {
  return ({ copy }) => (copy?.[key] === undefined ? "?" : formatCount(copy[key]));
}

function stateOf({ copy }: Candidate): string {
  if (copy === undefined) return "does not answer";
  const { diverged, emptiedFor, headHash, state, reason } = copy;
  if (diverged !== undefined)
    return `diverged at ${formatCount(diverged.other.index)} since ${timeText(diverged.since)}`;
  if (emptiedFor !== undefined) return `emptied, waits for the copy of ${emptiedFor}`;
  return headHash === undefined ? (reason ?? state) : "has met no difference";
}

/** The copies of a log as the nodes have them that run. Rejects with ERR_LOG_NOT_FOUND. */
export async function candidatesOf(
  context: CliContext,
  client: AnnalsClient,
  log: string,
): Promise<readonly Candidate[]> {
  const { interrupt: signal } = context;
  const { nodes, logs } = await client.cluster({ signal });
  if (!logs.some(({ name }) => name === log))
    throw new CliError("ERR_LOG_NOT_FOUND", `there is no log "${log}"`, {
      exitCode: EXIT.notFound,
      hint: `the logs are ${logs.map(({ name }) => name).join(", ")}`,
    });
  return Promise.all(
    nodes.map(async ({ id: node, address }): Promise<Candidate> => {
      const url = `http://${address}`;
      const copy = await client
        .copies(log)
        .get({ url, signal })
        .catch(() => undefined);
      return copy === undefined ? { node } : { node, copy };
    }),
  );
}

/** Prints the copies of a log as the nodes have them that run, and what was decided for it. */
export async function showCandidates(
  context: CliContext,
  log: string,
  options: ClientOptions & OutputOptions,
): Promise<void> {
  // One attempt at each: a node that is away is one of the answers.
  const candidates = await candidatesOf(context, context.client(options, 0), log);
  await printRows(context, options, COLUMNS, candidates);
  for (const line of notes(log, candidates)) await context.note(line);
}

function notes(log: string, candidates: readonly Candidate[]): readonly string[] {
  const decisions = candidates.flatMap(({ copy }) => copy?.decision ?? []);
  const [latest] = decisions.toSorted((a, b) => b.decision - a.decision);
  const diverged = candidates.some(({ copy }) => copy?.diverged !== undefined);
  return [
    ...(diverged ? [] : [`log ${log} has not diverged, as far as these nodes know`]),
    ...(latest === undefined ? [] : [decisionText(log, latest)]),
  ];
}

function decisionText(log: string, decision: NonNullable<CopyInfo["decision"]>): string {
  const { decision: index, keep, by, at, waitsFor } = decision;
  const how =
    waitsFor.length === 0 ? "carried out on all nodes" : `waits for ${waitsFor.join(", ")}`;
  return `log ${log}: decision ${index}, by ${by} at ${at}, keeps the copy of ${keep}: ${how}`;
}
