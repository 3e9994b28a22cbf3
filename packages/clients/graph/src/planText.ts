import type { PlanStep } from "./graphDatabase.ts";

/** Plans that come as text: a step a line, its name first, marks that draw a tree before it. */
export function stepsOfText(plan: string): readonly PlanStep[] {
  return plan
    .split("\n")
    .map((line) => /^[\s|*+\\/]*([^\s|*+\\/]\S*)\s*(.*)$/.exec(line))
    .flatMap((match) =>
      match === null ? [] : [{ operator: match[1] ?? "", detail: match[2] ?? "" }],
    );
}
