/**
 * The figures of sinks: `pnpm sinks:figures [--only NAME,…] [--short]`. Runs each program, one after the other, prints its lines as they
 * come, and in the end one table (Markdown) with what was found beside the aim, the most memory that the runner had, and the largest
 * transaction. `--short` runs them with few records. Exit code 1 if one did not hold.
 */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { exitOf } from "../support/program.ts";
import { FIGURES } from "./list.ts";
import type { Figure, Printed } from "./list.ts";

const { values } = parseArgs({
  options: { only: { type: "string" }, short: { type: "boolean", default: false } },
});
const wanted = values.only?.split(",");
const unknown = wanted?.filter((name) => FIGURES.every((figure) => figure.name !== name)) ?? [];
if (unknown.length > 0) {
  const known = FIGURES.map(({ name }) => name).join(", ");
  console.error(`no figure ${unknown.join(", ")}; there are ${known}`);
  process.exit(2);
}
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
  const result = printedOf(printed);
  const isHeld = code === 0 && result !== undefined && figure.holds(result);
  if (!isHeld) process.exitCode = 1;
  const found = result === undefined ? `ended with ${code}` : figure.found(result);
  const { peakMiB, itemsMax, bytesMax } = result?.last ?? {};
  const largest = `${itemsMax} items, ${Math.ceil(Number(bytesMax) / 1024)} KiB`;
  const cells = [figure.name, found, figure.aim, isHeld ? "yes" : "NO", `${peakMiB} MiB`, largest];
  return `| ${cells.join(" | ")} |`;
}

function printedOf(text: string): Printed | undefined {
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  const all = lines.map((line) => JSON.parse(line) as Printed["last"]);
  const last = all.at(-1);
  return last === undefined ? undefined : { last, all };
}
