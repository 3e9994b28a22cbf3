import { mkdir } from "node:fs/promises";
import { shimPath } from "../cluster/diskShim.ts";
import { tryProxy, tryShim } from "../cluster/trials.ts";
import type { Scenario, Step, StepKind } from "../language/scenario.ts";

/** What a step needs of the machine beyond signals. */
export type Need = "proxy" | "disk";

const NEEDS: Readonly<Partial<Record<StepKind, Need>>> = {
  partition: "proxy",
  slowLinks: "proxy",
  resetLinks: "proxy",
  slowDisk: "disk",
};

export function needsOf({ steps }: Pick<Scenario, "steps">): ReadonlySet<Need> {
  const needs = new Set<Need>();
  const visit = (step: Step): void => {
    const need = NEEDS[step.kind];
    if (need !== undefined) needs.add(need);
    if (step.kind === "repeat") for (const inner of step.body.steps) visit(inner);
  };
  for (const step of steps) visit(step);
  return needs;
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
    const trial = need === "proxy" ? tryProxy() : this.#shim();
    const tried = trial.then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    this.#tried.set(need, tried);
    return tried;
  }

  async #shim(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    await tryShim(this.#directory);
  }
}
