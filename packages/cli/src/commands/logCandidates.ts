import type { AnnalsClient, ClusterStatus } from "@annals/client";
import { CliError } from "../cliError.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../context.ts";
import { EXIT } from "../exitCodes.ts";
import { formatCount } from "../output.ts";
import type { Column } from "../output.ts";
import { printRows } from "../printRows.ts";

type LogStatus = ClusterStatus["logs"][number];

/** The copy of a log on a node that runs; `copy` is absent when the node does not answer, or does not have the log open. */
interface Candidate {
  readonly node: string;
  readonly copy?: Pick<
    LogStatus,
    "lastIndex" | "term" | "lastSeq" | "commitIndex" | "headHash" | "diverged"
  >;
}

const COLUMNS: readonly Column<Candidate>[] = [
  { title: "NODE", value: ({ node }) => node },
  { title: "LAST", value: count("lastIndex"), align: "right" },
  { title: "TERM", value: count("term"), align: "right" },
  { title: "LAST SEQ", value: count("lastSeq"), align: "right" },
  { title: "COMMITTED", value: count("commitIndex"), align: "right" },
  { title: "HEAD", value: ({ copy }) => copy?.headHash?.slice(0, 16) ?? "?" },
  { title: "STATE", value: stateOf },
];

function count(key: "lastIndex" | "term" | "lastSeq" | "commitIndex"): (row: Candidate) => string {
  return ({ copy }) => (copy === undefined ? "?" : formatCount(copy[key]));
}

function stateOf({ copy }: Candidate): string {
  if (copy === undefined) return "does not answer";
  if (copy.diverged === undefined) return "has met no difference";
  const { since, other } = copy.diverged;
  return `diverged at ${formatCount(other.index)} since ${new Date(since).toISOString()}`;
}

/** Prints the copies of a log as the nodes have them that run. */
export async function showCandidates(
  context: CliContext,
  log: string,
  options: ClientOptions & OutputOptions,
): Promise<void> {
  // One attempt at each: a node that is away is one of the answers.
  const client = context.client(options, 0);
  const { nodes, logs } = await client.cluster({ signal: context.interrupt });
  if (!logs.some(({ name }) => name === log))
    throw new CliError("ERR_LOG_NOT_FOUND", `there is no log "${log}"`, {
      exitCode: EXIT.notFound,
      hint: `the logs are ${logs.map(({ name }) => name).join(", ")}`,
    });
  const urls = nodes.map(({ id, address }) => ({ node: id, url: `http://${address}` }));
  const candidates = await Promise.all(
    urls.map(async ({ node, url }) => candidateOf(node, await statusOf(context, client, url), log)),
  );
  await printRows(context, options, COLUMNS, candidates);
  if (!candidates.some(({ copy }) => copy?.diverged !== undefined))
    await context.note(`log ${log} has not diverged, as far as these nodes know`);
}

async function statusOf(
  { interrupt: signal }: CliContext,
  client: AnnalsClient,
  url: string,
): Promise<ClusterStatus | undefined> {
  return client.cluster({ url, signal }).catch(() => undefined);
}

function candidateOf(node: string, status: ClusterStatus | undefined, log: string): Candidate {
  const found = status?.logs.find(({ name }) => name === log);
  if (found === undefined) return { node };
  const { lastIndex, term, lastSeq, commitIndex, headHash, diverged } = found;
  const marks = {
    ...(headHash === undefined ? {} : { headHash }),
    ...(diverged === undefined ? {} : { diverged }),
  };
  return { node, copy: { lastIndex, term, lastSeq, commitIndex, ...marks } };
}
