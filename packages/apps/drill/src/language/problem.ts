import { AnnalsError } from "@annals/record";

/** One thing wrong with a scenario. Line and column are 1-based. */
export interface ScenarioProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong, and how to mend it where that is not clear. */
  readonly message: string;
}

/** One line a problem. */
export function formatScenarioProblems(problems: readonly ScenarioProblem[]): string {
  return problems
    .map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`)
    .join("\n");
}

/** A file is no scenario. `problems` has all that is wrong with it, in the order of its lines. */
export class ScenarioError extends AnnalsError {
  override readonly name = "ScenarioError";
  readonly problems: readonly ScenarioProblem[];

  constructor(problems: readonly ScenarioProblem[]) {
    const count = `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`;
    super("ERR_SCENARIO", `${count} in the scenario\n${formatScenarioProblems(problems)}`);
    this.problems = problems;
  }
}
