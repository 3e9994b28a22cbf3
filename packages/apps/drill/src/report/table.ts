import type { DrillOutcome, NodeOutcome } from "../run/outcome.ts";
import { bytesText, elapsedText } from "./numbers.ts";

/** One line of the table at the end: of a drill, the node whose memory rose most. */
export interface TableRow {
  readonly scenario: string;
  readonly time: string;
  readonly records: string;
  readonly rssOverIdle: string;
  readonly budget: string;
  readonly queues: string;
  readonly pauses: string;
  readonly elections: string;
  readonly result: string;
}

/** Queues that fill with traffic, shown when they held anything. */
const SHOWN_QUEUES = ["receive.link", "receive.worker", "receive.backlog", "send.queue"];

function overIdle({ memory }: NodeOutcome): number {
  return memory === undefined ? Number.NaN : memory.peakAnon - memory.idleAnon;
}

function highest(nodes: readonly NodeOutcome[]): NodeOutcome | undefined {
  return nodes.toSorted((a, b) => overIdle(b) - overIdle(a))[0];
}

export function tableRow(outcome: DrillOutcome): TableRow {
  const top = highest(outcome.nodes);
  const over = top === undefined ? Number.NaN : overIdle(top);
  const skipped = outcome.verdicts.filter((verdict) => verdict.outcome === "skipped").length;
  return {
    scenario: outcome.name,
    time: elapsedText(outcome.elapsedMs),
    records: String(outcome.records),
    rssOverIdle: Number.isNaN(over) ? "–" : `${bytesText(over)} (${top?.id})`,
    budget: top === undefined || top.budget === 0 ? "–" : bytesText(top.budget),
    queues: queuesText(outcome.nodes),
    pauses: pausesText(outcome.nodes),
    elections: String(outcome.elections),
    result: skipped > 0 ? `${outcome.result}, ${skipped} skipped` : outcome.result,
  };
}

/** How full a single one of each queue ever was, on whichever node it was fullest. */
function queuesText(nodes: readonly NodeOutcome[]): string {
  const texts = SHOWN_QUEUES.flatMap((name) => {
    const shares = nodes.flatMap(({ peaks }) => peaks.get(name) ?? []);
    const fullest = Math.max(0, ...shares.map(({ largest, cap }) => (largest * 100) / cap));
    return fullest === 0 ? [] : [`${name} ${Math.ceil(fullest)} %`];
  });
  return texts.length === 0 ? "–" : texts.join(", ");
}

/** Of all nodes together, by reason. */
export function pausesText(nodes: readonly NodeOutcome[]): string {
  const sums = new Map<string, number>();
  for (const { pauses } of nodes)
    for (const [reason, count] of pauses) sums.set(reason, (sums.get(reason) ?? 0) + count);
  const texts = [...sums].filter(([, count]) => count > 0).map(([name, n]) => `${name} ${n}`);
  return texts.length === 0 ? "–" : texts.join(", ");
}

/** Everything that was expected, what was seen, and for a failure where to look further. */
export function detailText(outcome: DrillOutcome): string {
  const mark = { passed: "✔", failed: "✘", skipped: "–" } as const;
  const lines = outcome.verdicts.map(
    (verdict) =>
      `  ${mark[verdict.outcome]} ${verdict.text}\n      ${verdict.outcome}: ${verdict.seen}`,
  );
  if (outcome.why !== undefined) lines.unshift(`  ${outcome.result}: ${outcome.why}`);
  for (const [id, tail] of outcome.logTails) {
    lines.push(`  the last lines of node ${id}:`, ...tail.split("\n").map((line) => `    ${line}`));
  }
  if (outcome.result === "failed") lines.push(`  everything is kept in ${outcome.directory}`);
  return `${lines.join("\n")}\n`;
}

/** Steps that took a while and moved records, with their rate. */
export function ratesText({ steps }: DrillOutcome): string {
  return steps
    .filter(({ records, elapsedMs }) => records > 0 && elapsedMs > 0)
    .map(({ text, records, elapsedMs }) => {
      const rate = Math.round((records * 1000) / elapsedMs);
      return `  ${text}: ${records} records in ${elapsedText(elapsedMs)}, ${rate}/s\n`;
    })
    .join("");
}

/** The outcome as plain data, for programs. Bytes and milliseconds. */
export function outcomeJson(outcome: DrillOutcome): Record<string, unknown> {
  return {
    ...outcome,
    logTails: Object.fromEntries(outcome.logTails),
    nodes: outcome.nodes.map(({ peaks, pauses, memory, ...rest }) => ({
      ...rest,
      memory: memory === undefined ? undefined : { ...memory, curve: undefined },
      peaks: Object.fromEntries([...peaks].filter(([, { largest }]) => largest > 0)),
      pauses: Object.fromEntries(pauses),
    })),
  };
}
