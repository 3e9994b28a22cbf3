import { mkdir } from "node:fs/promises";
import { shimPath } from "../cluster/diskShim.ts";
import { tryColdCache, tryHistory, tryProxy, tryShim } from "../cluster/trials.ts";
import type { Scenario, Step, StepKind } from "../language/scenario.ts";

/** What a step needs of the machine beyond signals, and of the place where the drill was started. */
export type Need = "proxy" | "disk" | "cache" | "history";

const NEEDS: Readonly<Partial<Record<StepKind, Need>>> = {
  partition: "proxy",
  slowLinks: "proxy",
  resetLinks: "proxy",
  slowDisk: "disk",
  coldCache: "cache",
};

export function needsOf({ steps }: Pick<Scenario, "steps">): ReadonlySet<Need> {
  const needs = new Set<Need>();
  const visit = (step: Step): void => {
    const need = NEEDS[step.kind];
    if (need !== undefined) needs.add(need);
    if (step.kind === "program" && importsFromHere(step.body.run)) needs.add("history");
    if (step.kind === "repeat") for (const inner of step.body.steps) visit(inner);
  };
  for (const step of steps) visit(step);
  return needs;
}

/** A source that was unpacked, and not cloned, has no history to import. */
function importsFromHere(words: readonly string[]): boolean {
  const [command, from] = words;
  return command === "import" && from === "git" && words.includes("{here}");
}

/** Tries out what the machine permits, once for all drills of a run. What is compiled stays in the directory. */
export class Machine {
  readonly #directory: string;
  readonly #tried = new Map<Need, Promise<string | undefined>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  get shim(): string {
    return shimPath(this.#directory);
  }

  /** Why a need cannot be met here; undefined if it can. */
  obstacle(need: Need): Promise<string | undefined> {
    const known = this.#tried.get(need);
    if (known !== undefined) return known;
    const tried = this.#try(need).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    this.#tried.set(need, tried);
    return tried;
  }

  #try(need: Need): Promise<void> {
    switch (need) {
      case "proxy":
        return tryProxy();
      case "disk":
        return this.#inDirectory(tryShim);
      case "cache":
        return this.#inDirectory(tryColdCache);
      case "history":
        return tryHistory(process.cwd());
      default:
        return need satisfies never;
    }
  }

  async #inDirectory(attempt: (directory: string) => Promise<void>): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    await attempt(this.#directory);
  }
}
