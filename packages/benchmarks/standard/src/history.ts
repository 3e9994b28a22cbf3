import { appendFileSync, readFileSync } from "node:fs";
import { BenchError } from "@annals/load";
import type { FigureMap } from "./figures.ts";
import type { Provenance } from "./machine.ts";

/** One run of the standard set: a line of docs/benchmarks/history.jsonl. */
export interface HistoryLine extends Provenance {
  readonly durability: readonly string[];
  readonly seconds: number;
  readonly figures: FigureMap;
}

export function appendHistory(file: string, line: HistoryLine): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

/** The last line of a file, or that of a commit. */
export function readHistory(file: string, commit?: string): HistoryLine {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((text) => text !== "")
    .map((text): HistoryLine => JSON.parse(text));
  const found = lines.findLast((line) => commit === undefined || line.commit.startsWith(commit));
  if (found === undefined) {
    const what = commit === undefined ? "is empty" : `has no line of the commit ${commit}`;
    throw new BenchError("ERR_BENCH_OPTIONS", `${file} ${what}`);
  }
  return found;
}
