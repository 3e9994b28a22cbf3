/**
 * The figures of sinks: `pnpm sinks:figures [--only NAME,…] [--short]`. Runs each program, one after the other, prints its lines as they
 * come, and in the end one table (Markdown) with what was found beside the aim, the most memory that the runner had, and the largest
 * transaction. `--short` runs them with few records. Exit code 1 if one did not hold.
 */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { programArguments, wrongUsage } from "@annals/kit";
import { exitOf } from "../support/program.ts";
import { filled, FIGURES } from "./list.ts";
import type { Figure, Line } from "./list.ts";

const PROGRAM = "pnpm sinks:figures";
const HELP = `usage: ${PROGRAM} [--only NAME,…] [--short]

What sinks cost and hold out, one program after the other, and one table (Markdown) at the end.

  --only NAME,…  some of ${FIGURES.map(({ name }) => name).join(", ")}
  --short        with few records: that they run, and nothing about size

examples:
  ${PROGRAM}
  ${PROGRAM} --only outage,takeover

exit code: 0 all of them hold, 1 one does not, 2 wrong usage`;

const { values } = programArguments(PROGRAM, HELP, {
  only: { type: "string" },
  short: { type: "boolean", default: false },
});
const wanted = values.only?.split(",");
const unknown = wanted?.filter((name) => FIGURES.every((figure) => figure.name !== name)) ?? [];
if (unknown.length > 0) process.exit(wrongUsage(PROGRAM, `no figure ${unknown.join(", ")}`));
const rows: string[] = [];
for (const figure of FIGURES) {
  if (wanted !== undefined && !wanted.includes(figure.name)) continue;
  rows.push(await rowOf(figure));
}
console.log(
  "\n| Figure | Found | Aim | Held | Most memory of the runner | Largest transaction |\n" +
    `| --- | --- | --- | --- | --- | --- |\n${rows.join("\n")}`,
);

async function rowOf(figure: Figure): Promise<string> {
  const args = values.short ? figure.short : figure.args;
  const child = spawn(process.execPath, [...process.execArgv, figure.program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.pipe(process.stdout, { end: false });
  const [printed, code] = await Promise.all([text(child.stdout), exitOf(child)]);
  const all = printed
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
  const last = all.at(-1);
  const isHeld = code === 0 && last !== undefined && (figure.holds?.(last, all) ?? true);
  if (!isHeld) process.exitCode = 1;
  if (last === undefined)
    return `| ${figure.name} | ended with ${code} | ${figure.aim} | NO | – | – |`;
  const cells = [
    figure.name,
    textOf(figure, last, all),
    figure.aim,
    isHeld ? "yes" : "NO",
    filled("{peakMiB} MiB", last),
    `${filled("{itemsMax}", last)} items, ${Math.ceil(Number(last["bytesMax"]) / 1024)} KiB`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function textOf({ ways, found }: Figure, last: Line, all: readonly Line[]): string {
  const texts =
    ways === undefined
      ? []
      : all.filter(({ way }) => way !== undefined).map((line) => filled(ways, line));
  return [...texts, ...(found === undefined ? [] : [filled(found, last)])].join("; ");
}
