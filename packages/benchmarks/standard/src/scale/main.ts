/**
 * What the rate depends on: `pnpm bench:scale`. Records per second by records of a request, size of a record, requests in flight, logs,
 * workers and length of the log, each on a fresh cluster of three. Prints tables in Markdown.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { programArguments, runMain } from "@annals/kit";
import { BenchError } from "@annals/load";
import { figureText, markdownTable } from "../figures.ts";
import { provenance } from "../machine.ts";
import { BENCHMARKS, writeSection } from "../page.ts";
import { lineChart } from "./chart.ts";
import { SECTIONS } from "./sections.ts";
import type { ScalePoint, Section } from "./sections.ts";

const KEYS = SECTIONS.map(({ key }) => key).join(", ");
const HELP = `usage: pnpm bench:scale [--only KEYS] [--quick] [--write] [--data DIR]

What the rate depends on, each point on a fresh cluster of three processes. Takes some minutes.

  --only KEYS  these, with commas between: ${KEYS}
  --quick      only shows that everything runs
  --write      puts the tables into docs/benchmarks/README.md, with a picture each
  --data DIR   where the clusters keep their data (default: the directory for temporary files)

examples:
  pnpm bench:scale --only in-flight,log-length
  pnpm bench:scale --write

exit code: 0 measured, 1 it could not be, 2 wrong usage, 130 interrupted`;

const { values } = programArguments("pnpm bench:scale", HELP, {
  only: { type: "string" },
  quick: { type: "boolean", default: false },
  write: { type: "boolean", default: false },
  data: { type: "string" },
});
const wanted = values.only?.split(",");
const extent = values.quick
  ? { warmUpMs: 300, durationMs: 500, tenth: 5_000 }
  : { warmUpMs: 1_500, durationMs: 4_000, tenth: 1_000_000 };

await runMain(async (signal) => {
  const sections = SECTIONS.filter(({ key }) => wanted?.includes(key) ?? true);
  if (sections.length === 0)
    throw new BenchError("ERR_BENCH_OPTIONS", `--only ${values.only}: expected some of ${KEYS}`);
  if (values.write && wanted !== undefined)
    throw new BenchError("ERR_BENCH_OPTIONS", "--write writes all of them: leave --only away");
  const { date, commit, machine } = provenance();
  const head = `${date}, commit ${commit}; ${machine.cores} cores (${machine.cpu}), Node ${machine.node}.\n`;
  console.log(head);
  const texts: string[] = [];
  for (const section of sections) {
    const note = (text: string): void => console.error(`bench: ${section.title}: ${text}`);
    const points = await section.measure({ ...extent, data: values.data, signal, note });
    const table = tableOf(section, points);
    console.log(`${section.title}\n\n${table}`);
    const picture = `${section.key}.svg`;
    if (values.write) writeFileSync(join(BENCHMARKS, picture), pictureOf(section, points));
    texts.push(`### ${section.title}\n\n![${section.title}](${picture})\n\n${table}`);
  }
  if (values.write) writeSection("bench:scale", `${head}\n${texts.join("\n")}`);
});

function tableOf({ key, xTitle, figures }: Section, points: readonly ScalePoint[]): string {
  const rows = points.map(({ x, values: found }) => [figureText(x), ...found.map(figureText)]);
  return `${markdownTable([xTitle, ...figures], rows)}${key === "log-length" ? growth(points) : ""}`;
}

/** What the aim is about: the last tenth beside the first. */
function growth(points: readonly ScalePoint[]): string {
  const [first, last] = [points[0]?.values[0] ?? 0, points.at(-1)?.values[0] ?? 0];
  return `\nThe last tenth costs ${(last / first).toFixed(2)} times the first; the aim is at most 1.1.\n`;
}

function pictureOf(
  { title, xTitle, figures, evenY }: Section,
  points: readonly ScalePoint[],
): string {
  const [figure = ""] = figures;
  const line = points.map(({ x, values: found }) => [x, found[0] ?? 0] as const);
  return lineChart({
    title,
    xTitle,
    yTitle: figure,
    evenY,
    series: [{ name: figure, points: line }],
  });
}
