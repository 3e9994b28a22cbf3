/** A figure that the project holds itself to. */
export interface Aim {
  /** Its name in the history. */
  readonly key: string;
  readonly what: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  readonly aim: number | undefined;
}

/** The standard set, in the order of its table. Three nodes and their clients on one machine, records of 256 bytes. */
export const AIMS: readonly Aim[] = [
  row("one1P50Ms", "one record a request, 1 in flight, p50", "ms", "lower", 0.6),
  row("one64PerSecond", "one record a request, 64 in flight", "records/s", "higher", 25e3),
  row("one64P99Ms", "… p99", "ms", "lower", undefined),
  row("one1024PerSecond", "one record a request, 1024 in flight", "records/s", "higher", 60e3),
  row("one1024P99Ms", "… p99", "ms", "lower", undefined),
  row("batch8PerSecond", "500 a request, 8 in flight", "records/s", "higher", 300e3),
  row("batch16PerSecond", "500 a request, 16 in flight", "records/s", "higher", 300e3),
  row("batchCpuSeconds", "… CPU of all processes per million records", "s", "lower", 6),
  row(
    "catchUpPerSecond",
    "catching up, from the start of the process",
    "records/s",
    "higher",
    400e3,
  ),
  row("catchUpStreamingPerSecond", "… from its first answer", "records/s", "higher", 400e3),
  row("catchUpOverIdleMiB", "… anonymous memory over idle", "MiB", "lower", undefined),
  row("replayPerSecond", "replay by one consumer", "records/s", "higher", 800e3),
  row("replayDecodedPerSecond", "… every record decoded", "records/s", "higher", undefined),
  row("peakRssMiB", "largest node over all of these, resident", "MiB", "lower", 190),
  row("peakAnonMiB", "… anonymous", "MiB", "lower", undefined),
  row("diskBytesPerRecord", "on the disk of a node, per record", "bytes", "lower", 285),
  row(
    "auditDiskBytes",
    "audit records of some 400 bytes of JSON, on the disk",
    "bytes",
    "lower",
    undefined,
  ),
  row("auditCpuSeconds", "… CPU of the nodes per million", "s", "lower", undefined),
  row("zstdDiskBytes", "the same with log.compression zstd, on the disk", "bytes", "lower", 80),
  row("zstdCpuSeconds", "… CPU of the nodes per million", "s", "lower", undefined),
  row(
    "failoverP50Ms",
    "leader killed until an append is acknowledged, p50",
    "ms",
    "lower",
    undefined,
  ),
  row("failoverP99Ms", "… p99", "ms", "lower", 1500),
];

function row(
  key: string,
  what: string,
  unit: string,
  better: Aim["better"],
  aim: number | undefined,
): Aim {
  return { key, what, unit, better, aim };
}

export type FigureMap = Readonly<Record<string, number>>;

/** Beside each figure its aim, and whether it is reached. */
export function aimsTable(figures: FigureMap): string {
  const rows = AIMS.flatMap(({ key, what, unit, better, aim }) => {
    const value = figures[key];
    if (value === undefined) return [];
    const reached =
      aim === undefined ? "" : (better === "higher" ? value >= aim : value <= aim) ? "yes" : "no";
    const sign = better === "higher" ? "≥" : "≤";
    const aimed = aim === undefined ? "" : `${sign} ${figureText(aim)}`;
    return [[what, `${figureText(value)} ${unit}`, aimed, reached]];
  });
  return markdownTable(["workload", "figure", "aim", "reached"], rows);
}

/** How much better than `before`, as a factor: above 1 is better, whichever way that is. */
export function ratiosTable(figures: FigureMap, before: FigureMap): string {
  const rows = AIMS.flatMap(({ key, what, unit, better }) => {
    const [now, then] = [figures[key], before[key]];
    if (now === undefined || then === undefined || now === 0 || then === 0) return [];
    const factor = better === "higher" ? now / then : then / now;
    return [[what, `${figureText(then)} ${unit}`, figureText(now), `${factor.toFixed(2)} ×`]];
  });
  return markdownTable(["workload", "then", "now", "better by"], rows);
}

export function markdownTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = titles.map((title, k) =>
    Math.max(title.length, ...rows.map((row) => row[k]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, k) => cell.padEnd(widths[k] ?? 0)).join(" | ")} |\n`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|\n`;
  return `${line(titles)}${rule}${rows.map(line).join("")}`;
}

/** "61 234", "0.58" */
export function figureText(value: number): string {
  if (Math.abs(value) < 100) return String(Number(value.toFixed(2)));
  return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, " ");
}
