import { formatScenarioProblems } from "@annals/drill";
import type { ScenarioProblem, ScenarioSource } from "@annals/drill";
import { nearest } from "@annals/config";
import { z } from "zod";
import { counted } from "./output.ts";

/** All that is wrong with a file. `where`: such as "the file of sources". */
export function problemsText(problems: readonly ScenarioProblem[], where: string): string {
  return `${counted(problems.length, "problem")} in ${where}\n${formatScenarioProblems(problems)}`;
}

/**
 * What a schema does not take in a file, each with its line and column; an unknown key with the one that was meant. `origins` has the
 * variable that a key was set by.
 */
export function fileProblems(
  { issues }: z.ZodError,
  source: ScenarioSource,
  schema: z.ZodType,
  origins: ReadonlyMap<string, string>,
): readonly ScenarioProblem[] {
  const set = (path: readonly PropertyKey[]): string => {
    const variable = origins.get(path.join("."));
    return variable === undefined ? "" : ` (set by ${variable})`;
  };
  const found = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) =>
          unknownKey(source, issue.path, key, knownKeysAt(schema, issue.path)),
        )
      : [source.problem(issue.path, `${issue.path.join(".")}: ${issue.message}${set(issue.path)}`)],
  );
  return found.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function unknownKey(
  source: ScenarioSource,
  path: readonly PropertyKey[],
  key: string,
  known: readonly string[],
): ScenarioProblem {
  const meant = nearest(key, known);
  const hint = meant === undefined ? `known are ${known.join(", ")}` : `did you mean "${meant}"?`;
  return source.keyProblem(path, key, `unknown key "${key}", ${hint}`);
}

/** The keys that a file may have at a path. */
function knownKeysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = schema;
  for (const part of path) at = innerSchema(at, String(part));
  const found = bareSchema(at);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** The schema of what is under a key; undefined if there is none. */
function innerSchema(schema: unknown, key: string): unknown {
  const found = bareSchema(schema);
  if (found instanceof z.ZodRecord) return found.valueType;
  if (found instanceof z.ZodArray) return found.element;
  return found instanceof z.ZodObject ? found.shape[key] : undefined;
}

/** Without what only says that it may be left out. */
export function bareSchema(schema: unknown): unknown {
  let at = schema;
  while (at instanceof z.ZodDefault || at instanceof z.ZodOptional) at = at.unwrap();
  return at;
}
