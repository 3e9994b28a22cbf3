import { loadConfig, memoryBudget, nearest } from "@annals/config";
import type { ConfigProblem, LoadConfigResult } from "@annals/config";
import { nodeConfigText } from "./nodeConfig.ts";
import type { ScenarioProblem } from "./problem.ts";
import type { Expectation, LimitWord, Scenario } from "./scenario.ts";
import type { ScenarioSource } from "./source.ts";

type Path = readonly PropertyKey[];

/** Keys whose values, or the items of which, are nodes. */
const NODE_KEYS: ReadonlySet<PropertyKey> = new Set([
  "node",
  "to",
  "start",
  "stop",
  "kill",
  "thaw",
  "wipe",
  "coldCache",
  "resetLinks",
  "diskRecovers",
  "cure",
  "caughtUp",
  "ready",
  "converged",
  "onlyOrphansMoved",
  "resumesLater",
  "between",
]);
const PROGRAM_KEYS: ReadonlySet<PropertyKey> = new Set(["finish", "endProgram", "killProgram"]);
const ROLE = /^(?:leader|follower([2-9])?)$/;

/** Addresses only serve to check the rest of a configuration. */
const CHECKED_PORT = 7400;

/** What names something that is not there: nodes, logs, queues, loads, keys of the configuration. */
export function checkReferences(
  scenario: Scenario,
  written: unknown,
  source: ScenarioSource,
): readonly ScenarioProblem[] {
  const loaded = load(scenario);
  const problems = loaded.ok ? [] : loaded.problems.map((one) => configProblem(one, source));
  const rows = loaded.ok ? memoryBudget(loaded.config).rows.map(({ bound }) => bound) : undefined;
  const gauges = rows?.filter(({ ungauged }) => ungauged === undefined).map(({ name }) => name);
  const checker = new ReferenceChecker(scenario, source, gauges);
  checker.visit(written, []);
  for (const [k, expectation] of scenario.expect.entries())
    checker.limits(expectation, ["expect", k]);
  const names = rows?.map(({ name }) => name);
  for (const [k, name] of scenario.proves.entries())
    checker.known("queue", name, names, ["proves", k]);
  checker.proven();
  return [...problems, ...checker.problems];
}

function load(scenario: Scenario): LoadConfigResult {
  const addresses = scenario.nodes.map((id, k) => [id, `127.0.0.1:${CHECKED_PORT + k}`] as const);
  const text = nodeConfigText(scenario, new Map(addresses), "/nowhere");
  return loadConfig({ text, env: {}, anyNode: true });
}

function configProblem(
  { path, message, hint }: ConfigProblem,
  source: ScenarioSource,
): ScenarioProblem {
  const full = `config: ${message}${hint === undefined ? "" : ` (${hint})`}`;
  return source.problem(["config", ...(path?.split(".") ?? [])], full);
}

class ReferenceChecker {
  readonly problems: ScenarioProblem[] = [];
  readonly #scenario: Scenario;
  readonly #source: ScenarioSource;
  /** Undefined: not known, because the configuration is wrong. */
  readonly #gauges: readonly string[] | undefined;
  readonly #loads = new Set<string>();
  readonly #programs = new Set<string>();

  constructor(scenario: Scenario, source: ScenarioSource, gauges: readonly string[] | undefined) {
    this.#scenario = scenario;
    this.#source = source;
    this.#gauges = gauges;
  }

  /** Looks at a value by the keys that lead to it; the schema has made sure that a key means one thing. */
  visit(value: unknown, path: Path): void {
    if (path[0] === "config") return;
    if (Array.isArray(value)) {
      for (const [k, item] of value.entries()) this.visit(item, [...path, k]);
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) this.visit(item, [...path, key]);
    } else if (typeof value === "string") this.#name(value, path);
  }

  #name(name: string, path: Path): void {
    const key = path.findLast((part) => typeof part === "string");
    const parent = path.at(-2);
    if (path[0] !== "steps" && path[0] !== "expect") return;
    if (key !== undefined && NODE_KEYS.has(key)) this.#node(name, path);
    else if (key === "log" && name !== "all") this.known("log", name, this.#scenario.logs, path);
    else if (key === "gauge" || (key === "name" && parent === "gauge"))
      this.known("queue", name, this.#gauges, path);
    else if (key === "name" && parent === "load") this.#loads.add(name);
    else if (key === "endLoad") this.known("load", name, this.#loads, path);
    else if (key === "name" && parent === "program") this.#programs.add(name);
    else if (key !== undefined && PROGRAM_KEYS.has(key))
      this.known("program", name, this.#programs, path);
  }

  #node(name: string, path: Path): void {
    const role = ROLE.exec(name);
    const { nodes } = this.#scenario;
    if (role !== null && !nodes.includes(name)) {
      if (Number(role[1] ?? 1) < nodes.length || name === "leader") return;
      this.#report(path, `there is no ${name}: the cluster has ${nodes.length} nodes`);
      return;
    }
    this.known("node", name, nodes, path);
  }

  /** What a scenario says that it shows, it has to expect. */
  proven(): void {
    const { proves, expect } = this.#scenario;
    const held = expect.flatMap(({ kind, body }) => (kind === "peak" ? [body.gauge] : []));
    for (const [k, name] of proves.entries()) {
      if (held.includes(name)) continue;
      this.#report(
        ["proves", k],
        `nothing is expected of "${name}": add peak: { gauge: ${name} … }`,
      );
    }
  }

  known(what: string, name: string, known: Iterable<string> | undefined, path: Path): void {
    if (known === undefined) return;
    const all = [...known];
    if (all.includes(name)) return;
    const meant = nearest(name, all);
    const list = all.length === 0 ? "there is none before this" : `known are ${all.join(", ")}`;
    this.#report(
      path,
      `unknown ${what} "${name}", ${meant === undefined ? list : `did you mean "${meant}"?`}`,
    );
  }

  /** A budget is a node's, a cap is a queue's. */
  limits(expectation: Expectation, path: Path): void {
    if (expectation.kind !== "peak" && expectation.kind !== "peakRssOverIdle") return;
    const allowed: readonly LimitWord[] =
      expectation.kind === "peak" ? ["cap", "item"] : ["budget"];
    const { words } = expectation.body.atMost;
    const wrong = words.find((word) => !allowed.includes(word));
    if (wrong === undefined) return;
    const message = `"${wrong}" means nothing here: use ${allowed.join(", ")}, sizes and counts`;
    this.#report([...path, expectation.kind, "atMost"], message);
  }

  #report(path: Path, message: string): void {
    this.problems.push(this.#source.problem(path, message));
  }
}
