import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative, resolve } from "node:path";
import {
  Machine,
  ScenarioError,
  detailText,
  elapsedText,
  markdownTable,
  memoryPicture,
  outcomeJson,
  parseScenario,
  ratesText,
  runDrill,
  scenarioJsonSchema,
  tableRow,
} from "@annals/drill";
import type { DrillOutcome, DrillProgress, Scenario, TableRow } from "@annals/drill";
import type { Command } from "commander";
import { usageError } from "../program/cliError.ts";
import { examples, withOutput } from "../program/context.ts";
import type { CliContext, OutputOptions } from "../program/context.ts";
import { EXIT } from "../program/exitCodes.ts";
import { printRows } from "../program/printRows.ts";
import { readTextFile } from "../program/textFile.ts";

interface DrillCommandOptions extends OutputOptions {
  readonly keep?: boolean;
  readonly out?: string;
  readonly long?: boolean;
  readonly markdown?: string;
  readonly picture?: string;
  readonly schema?: boolean;
  readonly verbose?: boolean;
}

export function registerDrill(program: Command, context: CliContext): void {
  const drill = withOutput(program.command("drill"))
    .description("run scenarios of faults and load on throw-away clusters of this machine")
    .argument("[files...]", "scenarios (YAML; docs/drill.md)")
    .option("--keep", "keep the data and logs of passed drills, too")
    .option("--out <directory>", "where clusters live, instead of a temporary directory")
    .option("--long", "run scenarios of size long, too")
    .option("--markdown <file>", "write a table for a document, anew after each drill")
    .option("--picture <file>", "draw the memory of every node of the last drill as an SVG")
    .option("--verbose", "say what was expected and seen also of drills that passed")
    .option("--schema", "print a JSON schema of scenarios, for editors")
    .action((files: readonly string[], options: DrillCommandOptions) =>
      options.schema === true
        ? context.printJson(scenarioJsonSchema())
        : drillAll(context, files, options),
    );
  examples(drill, [
    "annals drill catch-up.yaml",
    "annals drill --verbose --picture memory.svg integration-tests/scenarios/catch-up/*.yaml",
    "annals drill --schema > drill.schema.json",
  ]);
}

async function drillAll(
  context: CliContext,
  files: readonly string[],
  options: DrillCommandOptions,
): Promise<void> {
  if (files.length === 0) throw usageError("no scenario: annals drill FILE…");
  const scenarios = await readAll(context, files);
  const outside = options.out === undefined ? undefined : resolve(context.io.cwd, options.out);
  if (outside !== undefined) await mkdir(outside, { recursive: true });
  const root = outside ?? (await mkdtemp(join(tmpdir(), "annals-drill-")));
  const machine = new Machine(join(root, "native"));
  const outcomes: DrillOutcome[] = [];
  let left = 0;
  try {
    for (const [k, scenario] of scenarios.entries()) {
      if (scenario.size === "long" && options.long !== true) {
        left++;
        await context.note(`– ${scenario.name}: left out, it is long (--long)`);
        continue;
      }
      const slug = basename(scenario.file).replace(/\.ya?ml$/, "");
      outcomes.push(
        await runOne(context, scenario, options, machine, join(root, `${k + 1}-${slug}`)),
      );
      if (options.markdown !== undefined)
        await writeFile(resolve(context.io.cwd, options.markdown), markdownTable(outcomes));
    }
  } finally {
    const kept = options.keep === true || outcomes.some(({ result }) => result === "failed");
    if (outside === undefined && !kept) await rm(root, { recursive: true, force: true });
  }
  await report(context, outcomes, left, options);
}

/** Every file is read before anything is started. */
async function readAll(
  context: CliContext,
  files: readonly string[],
): Promise<readonly Scenario[]> {
  const scenarios: Scenario[] = [];
  const wrong: ScenarioError[] = [];
  for (const name of files) {
    const { cwd } = context.io;
    try {
      const text = await readTextFile(cwd, name);
      scenarios.push(parseScenario(text, relative(cwd, resolve(cwd, name))));
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      wrong.push(error);
    }
  }
  const problems = wrong.flatMap((error) => error.problems);
  if (problems.length === 0) return scenarios;
  throw new ScenarioError(problems);
}

async function runOne(
  context: CliContext,
  scenario: Scenario,
  options: DrillCommandOptions,
  machine: Machine,
  directory: string,
): Promise<DrillOutcome> {
  const { io } = context;
  const onStep = ({ step, count, text, elapsedMs }: DrillProgress): void => {
    const line = `${scenario.name} [${step}/${count}] ${elapsedText(elapsedMs)}  ${text}`;
    context.status.draw(line);
  };
  const outcome = await runDrill(scenario, {
    entry: io.entry,
    directory,
    keep: options.keep === true,
    machine,
    signal: context.interrupt,
    onStep,
  });
  const mark = { passed: "✔", failed: "✘", skipped: "–" }[outcome.result];
  await context.note(`${mark} ${outcome.name} (${elapsedText(outcome.elapsedMs)})`);
  if (outcome.result !== "passed" || options.verbose === true)
    await context.note(detailText(outcome).trimEnd());
  if (options.verbose === true) await context.note(ratesText(outcome).trimEnd());
  if (options.picture !== undefined && outcome.nodes.length > 0)
    await writeFile(resolve(io.cwd, options.picture), memoryPicture(outcome));
  return outcome;
}

async function report(
  context: CliContext,
  outcomes: readonly DrillOutcome[],
  left: number,
  options: DrillCommandOptions,
): Promise<void> {
  const items = outcomes.map(outcomeJson);
  await printRows(context, options, COLUMNS, outcomes.map(tableRow), items);
  if (context.format(options) === "table") {
    const count = (result: DrillOutcome["result"]): number =>
      outcomes.filter((outcome) => outcome.result === result).length;
    const skipped = outcomes
      .flatMap(({ verdicts }) => verdicts)
      .filter(({ outcome }) => outcome === "skipped").length;
    await context.print(
      `\n${count("passed")} passed, ${count("failed")} failed, ${count("skipped") + skipped} skipped` +
        `${left === 0 ? "" : `, ${left} long ones left out`}\n`,
    );
  }
  if (outcomes.some(({ result }) => result === "failed")) context.exitCode = EXIT.failed;
}

const COLUMNS = [
  { title: "SCENARIO", value: ({ scenario }: TableRow) => scenario },
  { title: "TIME", value: ({ time }: TableRow) => time, align: "right" as const },
  { title: "RECORDS", value: ({ records }: TableRow) => records, align: "right" as const },
  { title: "RSS OVER IDLE", value: ({ rssOverIdle }: TableRow) => rssOverIdle },
  { title: "BUDGET", value: ({ budget }: TableRow) => budget, align: "right" as const },
  { title: "QUEUES", value: ({ queues }: TableRow) => queues },
  { title: "PAUSES", value: ({ pauses }: TableRow) => pauses },
  { title: "ELECTIONS", value: ({ elections }: TableRow) => elections, align: "right" as const },
  { title: "RESULT", value: ({ result }: TableRow) => result },
];
