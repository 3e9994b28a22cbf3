import { nearest } from "@annals/config";
import type { z } from "zod";
import { ScenarioError } from "./problem.ts";
import type { ScenarioProblem } from "./problem.ts";
import { checkReferences } from "./references.ts";
import type { Expectation, Scenario, Step } from "./scenario.ts";
import { SCENARIO, scenarioJsonSchema } from "./schema.ts";
import type { WrittenScenario } from "./schema.ts";
import { keysAt } from "./schemaKeys.ts";
import { ScenarioSource } from "./source.ts";

const NODES = 3;
const LETTER_A = 0x61;

type Path = readonly PropertyKey[];

/** Reads a scenario. Throws a `ScenarioError` (`ERR_SCENARIO`) with everything that is wrong with the file. */
export function parseScenario(text: string, file: string): Scenario {
  const source = new ScenarioSource(text, file);
  const syntax = source.syntaxProblems();
  if (syntax.length > 0) throw new ScenarioError(syntax);
  const value = source.value();
  const parsed = SCENARIO.safeParse(value);
  if (!parsed.success) throw new ScenarioError(inOrder(schemaProblems(parsed.error, source)));
  const scenario = resolve(parsed.data, file, source);
  const problems = checkReferences(scenario, value, source);
  if (problems.length > 0) throw new ScenarioError(inOrder(problems));
  return scenario;
}

function schemaProblems(
  { issues }: z.ZodError,
  source: ScenarioSource,
): readonly ScenarioProblem[] {
  const misspelt = new Set(
    issues.filter(({ code }) => code === "unrecognized_keys").map(({ path }) => path.join(".")),
  );
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => unknownKey(source, issue.path, key));
    // That a key is missing follows from another one being misspelt.
    const inside = source.has(issue.path) ? issue.path : issue.path.slice(0, -1);
    if (misspelt.has(inside.join("."))) return [];
    return [source.problem(issue.path, messageAt(issue.path, issue.message))];
  });
}

function inOrder(problems: readonly ScenarioProblem[]): readonly ScenarioProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function messageAt(path: Path, message: string): string {
  const name = path.findLast((part) => typeof part === "string");
  return name === undefined ? message : `${name}: ${message}`;
}

function unknownKey(source: ScenarioSource, path: Path, key: string): ScenarioProblem {
  const known = keysAt(scenarioJsonSchema(), path);
  const meant = nearest(key, known);
  const hint = meant === undefined ? `known are ${known.join(", ")}` : `did you mean "${meant}"?`;
  return source.keyProblem(path, key, `unknown key "${key}", ${hint}`);
}

function resolve(written: WrittenScenario, file: string, source: ScenarioSource): Scenario {
  const { nodes = NODES, logs = ["audit"] } = written;
  return {
    name: written.name,
    file,
    size: written.size ?? "medium",
    proves: written.proves ?? [],
    nodes:
      typeof nodes === "number" ? named(nodes, (k) => String.fromCodePoint(LETTER_A + k)) : nodes,
    logs: typeof logs === "number" ? named(logs, (k) => `log-${k + 1}`) : logs,
    config: written.config ?? {},
    steps: withTexts(written.steps, ["steps"], source),
    expect: written.expect.map(
      (one, k): Expectation => ({ ...one, text: source.text(["expect", k]) }),
    ),
  };
}

function named(count: number, name: (k: number) => string): readonly string[] {
  return Array.from({ length: count }, (_, k) => name(k));
}

function withTexts(steps: readonly Step[], path: Path, source: ScenarioSource): readonly Step[] {
  return steps.map((step, k) => {
    const at = [...path, k];
    if (step.kind !== "repeat") return { ...step, text: source.text(at) };
    const { times, steps } = step.body;
    const inner = withTexts(steps, [...at, "repeat", "steps"], source);
    return { kind: "repeat", body: { times, steps: inner }, text: `repeat ${times} times` };
  });
}
