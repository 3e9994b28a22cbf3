import { assertNever } from "./assertNever.ts";

/** Where a value came from. */
export type ConfigPlace =
  | {
      readonly kind: "file";
      readonly file: string;
      /** 1-based. */
      readonly line: number;
      readonly column: number;
    }
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "flag"; readonly name: string }
  | { readonly kind: "default" }
  /** A default that was lowered to fit `memory.limit`. */
  | { readonly kind: "fitted" };

/** One thing wrong with a configuration. */
export interface ConfigProblem {
  readonly place: ConfigPlace;
  /** Dotted path of the key, when the problem is about one. */
  readonly path: string | undefined;
  /** What is wrong, with both numbers where two do not go together. */
  readonly message: string;
  /** How to mend it, when that is not already clear. */
  readonly hint: string | undefined;
  /** The lines around the place with a marker below it; undefined when it is not in a file. */
  readonly frame: string | undefined;
}

export function formatPlace(place: ConfigPlace): string {
  switch (place.kind) {
    case "file":
      return `${place.file}:${place.line}:${place.column}`;
    case "env":
      return `environment ${place.name}`;
    case "flag":
      return `flag ${place.name}`;
    case "default":
      return "configuration";
    case "fitted":
      return "default, lowered to fit memory.limit or the limit of open files";
    default:
      return assertNever(place);
  }
}

/** One line a problem, each with its frame and hint below. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  return problems
    .map((problem) => {
      const lines = [`${formatPlace(problem.place)}: ${problem.message}`];
      if (problem.frame !== undefined) lines.push(problem.frame);
      if (problem.hint !== undefined) lines.push(`  = ${problem.hint}`);
      return lines.join("\n");
    })
    .join("\n");
}

const FRAME_COLUMNS_MAX = 120;

/** The line with one before and after it, numbered, and a caret under the column. */
export function codeFrame(text: string, line: number, column: number): string {
  const lines = text.split(/\r?\n/);
  const first = Math.max(1, line - 1);
  const last = Math.min(lines.length, line + 1);
  const width = String(last).length;
  const out: string[] = [];
  for (let number = first; number <= last; number++) {
    const content = (lines[number - 1] ?? "").slice(0, FRAME_COLUMNS_MAX);
    out.push(`  ${String(number).padStart(width)} | ${content}`.trimEnd());
    if (number === line && column <= FRAME_COLUMNS_MAX) {
      out.push(`  ${" ".repeat(width)} | ${" ".repeat(column - 1)}^`);
    }
  }
  return out.join("\n");
}
