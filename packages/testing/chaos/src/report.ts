import { countText } from "@annals/kit";
import type { FaultKind } from "./faultKinds.ts";
import type { MixProgress, MixResult } from "./runMix.ts";

/** One line about a mix, also while it runs. */
export function progressLine(name: string, seed: number, progress: MixProgress): string {
  return [
    `${name.padEnd(12)} seed ${String(seed).padEnd(10)}`,
    `${countText(progress.acknowledged)} acknowledged`,
    `${countText(progress.refused)} refused`,
    `${countText(progress.unknown)} unknown`,
    `${countText(progress.reads)} reads`,
    `${progress.elections} elections`,
    `longest wait ${(progress.longestGapMs / 1000).toFixed(1)} s`,
    faultList(progress.faults),
  ].join(" · ");
}

export function verdict({ violations }: MixResult): string {
  return violations.length === 0 ? "passed" : "FAILED";
}

/** Everything about a failure that somebody needs who was not there. */
export function failure(result: MixResult, reproduce: string, directory: string): string {
  const [first] = result.violations;
  return [
    `mix ${result.mix.name}, seed ${result.seed} breaks "${first?.rule}": ${first?.text}`,
    ...result.violations.slice(1).map(({ rule, text }) => `  also "${rule}": ${text}`),
    `  kept: ${directory}`,
    `REPRODUCE: ${reproduce}`,
  ].join("\n");
}

export interface Summary {
  readonly results: readonly MixResult[];
  /** Why each kind was not injected. */
  readonly skipped: ReadonlyMap<FaultKind, string>;
  /** Mixes of which nothing was left. */
  readonly emptied: readonly string[];
}

/** The table of all mixes, the kinds that were skipped, and one line that sums up. */
export function table({ results, skipped, emptied }: Summary): string {
  const head = [
    "mix",
    "seed",
    "acked",
    "refused",
    "unknown",
    "reads",
    "elections",
    "wait s",
    "faults",
    "",
  ];
  const rows = results.map((result) => [
    result.mix.name,
    String(result.seed),
    countText(result.acknowledged),
    countText(result.refused),
    countText(result.unknown),
    countText(result.reads),
    String(result.elections),
    (result.longestGapMs / 1000).toFixed(1),
    faultList(result.faults),
    verdict(result),
  ]);
  const lines = columns([
    head,
    ...rows,
    ...emptied.map((name) => [name, ...Array<string>(8).fill("–"), "skipped"]),
  ]);
  for (const reason of new Set(skipped.values())) {
    const kinds = [...skipped.keys()].filter((kind) => skipped.get(kind) === reason);
    lines.push(`skipped: ${kinds.join(", ")}: ${reason}`);
  }
  const failed = results.filter(({ violations }) => violations.length > 0).length;
  lines.push(`${results.length - failed} passed, ${failed} failed, ${skipped.size} kinds skipped`);
  return lines.join("\n");
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, k) => Math.max(...rows.map((row) => row[k]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, k) => cell.padEnd(widths[k] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function faultList(faults: ReadonlyMap<FaultKind, number>): string {
  const list = [...faults].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return list.length === 0
    ? "no faults"
    : list.map(([kind, count]) => `${kind} ${count}`).join(", ");
}
