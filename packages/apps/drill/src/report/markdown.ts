import type { DrillOutcome, NodeOutcome } from "../run/outcome.ts";
import type { PeakSeen } from "../run/statusWatch.ts";
import { bytesText, elapsedText } from "./numbers.ts";
import { pausesText, tableRow } from "./table.ts";

const QUEUES = [
  "receive.link",
  "receive.backlog",
  "receive.events",
  "send.queue",
  "log.uncommitted",
];
const KIB = 1024;
const MIB = 1024 * KIB;

/** A table for a document. Queues are shown as most that a single one ever held, of its cap. */
export function markdownTable(outcomes: readonly DrillOutcome[]): string {
  const titles = ["Scenario", "Result", "Time", "Records", "RSS over idle, of its budget"];
  const queues = QUEUES.map((name) => `\`${name}\``);
  const head = [...titles, ...queues, "Pauses", "Elections"];
  return [head, head.map(() => "---"), ...outcomes.map(cells)]
    .map((row) => `| ${row.join(" | ")} |\n`)
    .join("");
}

function cells(outcome: DrillOutcome): readonly string[] {
  const { file, elapsedMs, records, elections, nodes } = outcome;
  const name = file
    .split("/")
    .slice(-2)
    .join("/")
    .replace(/\.ya?ml$/, "");
  const { result, rssOverIdle, budget } = tableRow(outcome);
  const memory = rssOverIdle === "–" ? "–" : `${rssOverIdle} of ${budget}`;
  const queues = QUEUES.map((queue) => queueText(nodes, queue));
  const time = elapsedText(elapsedMs);
  return [
    `\`${name}\``,
    result,
    time,
    `${records}`,
    memory,
    ...queues,
    pausesText(nodes),
    `${elections}`,
  ];
}

/** Of the node where it was fullest. */
function queueText(nodes: readonly NodeOutcome[], name: string): string {
  const seen = nodes.flatMap(({ peaks }) => peaks.get(name) ?? []);
  const [fullest] = seen.toSorted((a, b) => b.largest / b.cap - a.largest / a.cap);
  return fullest === undefined ? "–" : shareText(fullest);
}

function shareText({ largest, cap, unit }: PeakSeen): string {
  if (unit !== "bytes") return `${largest}/${cap}`;
  return `${Math.ceil(largest / (cap < MIB ? KIB : MIB))}/${bytesText(cap)}`;
}
