/** The way out of a divergence for a cluster that runs: a decision that it keeps, and each node carries out. */
import { userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { AnnalsClient, DecisionInfo } from "@annals/client";
import { parseDuration } from "@annals/config";
import { CliError, usageError } from "../program/cliError.ts";
import { confirm } from "../program/confirm.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { EXIT } from "../program/exitCodes.ts";
import { candidatesOf } from "./logCandidates.ts";
import type { Candidate } from "./logCandidates.ts";
import { partedText } from "./partedText.ts";

export interface OnlineResolveOptions extends ClientOptions, OutputOptions {
  readonly keep: string;
  readonly yes?: boolean;
  readonly wait?: string;
}

export const DEFAULT_WAIT = "1m";
const LOOK_MS = 250;

export async function resolveOnline(
  context: CliContext,
  log: string,
  options: OnlineResolveOptions,
): Promise<void> {
  const format = context.format(options);
  const waitMs = parseWait(options.wait ?? DEFAULT_WAIT);
  const client = context.client(options);
  const { keep } = options;
  const candidates = await candidatesOf(context, client, log);
  for (const line of consequences(log, candidates, keep)) await context.note(line);
  if (options.yes !== true)
    await confirm(context, `Keep the copy of node ${keep} for log ${log}`, log);
  const { interrupt: signal } = context;
  const decided = await client.copies(log).resolve({ keep, by: userInfo().username }, { signal });
  const { decision, by, at } = decided;
  await context.note(`log ${log}: decision ${decision}, by ${by} at ${at}, is on record`);
  const left = await follow(context, client, log, decided, waitMs);
  if (format !== "table") await context.printJson({ log, ...decided, waitsFor: left });
  if (left.length > 0) throw await waits(context, client, log, decided, left);
  if (format === "table")
    await context.print(`log ${log}: all nodes have the copy of ${keep}, or are filled from it\n`);
}

function parseWait(text: string): number {
  const parsed = parseDuration(text);
  if (parsed.ok) return parsed.value;
  throw usageError(`--wait: ${parsed.message}`);
}

function consequences(
  log: string,
  candidates: readonly Candidate[],
  keep: string,
): readonly string[] {
  return candidates.flatMap(({ node, copy }) => {
    if (node === keep) return [`log ${log}: the copy of node ${node} is kept`];
    if (copy?.lastIndex === undefined)
      return [
        `log ${log}: the copy of node ${node} is put aside once the node is there; what is in it is not known`,
      ];
    return [
      `log ${log}: the copy of node ${node} is put aside, and nobody reads it any more`,
      `log ${log}: node ${node}: ${partedText(copy.parted, copy.lastIndex)}`,
    ];
  });
}

/** Waits until every node has carried the decision out, and says so node by node. Resolves with those that have not. */
async function follow(
  context: CliContext,
  client: AnnalsClient,
  log: string,
  { decision, waitsFor }: DecisionInfo,
  waitMs: number,
): Promise<readonly string[]> {
  const { interrupt: signal } = context;
  const deadline = performance.now() + waitMs;
  let left = waitsFor;
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    const copy = await client.copies(log).get({ signal });
    // The node that answered may not have heard of the decision yet.
    if ((copy.decision?.decision ?? 0) < decision) continue;
    const now = copy.decision?.decision === decision ? copy.decision.waitsFor : [];
    for (const node of left.filter((one) => !now.includes(one)))
      await context.note(`log ${log}: node ${node} has carried it out`);
    left = left.filter((one) => now.includes(one));
  }
  return left;
}

/** Who has not carried the decision out, and why. */
async function waits(
  context: CliContext,
  client: AnnalsClient,
  log: string,
  { decision }: DecisionInfo,
  left: readonly string[],
): Promise<CliError> {
  const { nodes } = await client.cluster({ signal: context.interrupt });
  const whys = await Promise.all(
    left.map(async (node) => {
      const address = nodes.find(({ id }) => id === node)?.address;
      const url = `http://${address}`;
      const copy = await client
        .copies(log)
        .get({ url, signal: context.interrupt })
        .catch(() => undefined);
      const why = copy === undefined ? "it does not answer" : (copy.reason ?? "it has not said so");
      return `${node} (${why})`;
    }),
  );
  return new CliError(
    "ERR_DECISION_WAITS",
    `decision ${decision} stands, and is not carried out yet on ${whys.join(", ")}`,
    {
      exitCode: EXIT.unavailable,
      hint: `a node carries it out when it is up; annals log resolve ${log} shows how far they are`,
    },
  );
}
