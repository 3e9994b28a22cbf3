import { dirname, resolve } from "node:path";
import { interpolate } from "@annals/config";
import { ScenarioError, ScenarioSource } from "@annals/drill";
import type { ScenarioProblem } from "@annals/drill";
import type { CliError } from "./cliError.ts";
import { readTextFile } from "./textFile.ts";

export interface YamlFile {
  /** Plain data; untrusted. */
  readonly value: unknown;
  /** Knows the place of every value. */
  readonly source: ScenarioSource;
  /** Variables that its values name, as `${NAME}`. */
  readonly variables: ReadonlySet<string>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** How a kind of file is refused, with everything that is wrong with it. */
export type RefuseFile = (problems: readonly ScenarioProblem[]) => CliError;

/** Rejects with ERR_FILE_UNREADABLE, or with what `refuse` makes of a file that is no YAML. */
export async function readYaml(
  cwd: string,
  name: string,
  refuse: RefuseFile,
  env?: Environment,
): Promise<YamlFile> {
  return parseYaml(await readTextFile(cwd, name), name, refuse, env, cwd);
}

/** With `env`, what is written as `${NAME}` comes from there, as in the configuration of a node. */
export function parseYaml(
  text: string,
  file: string,
  refuse: RefuseFile,
  env?: Environment,
  cwd = "",
): YamlFile {
  try {
    const source = new ScenarioSource(text, file);
    const found = source.syntaxProblems();
    if (found.length > 0) throw refuse(found);
    const places = { env: env ?? {}, directory: dirname(resolve(cwd, file)), node: undefined };
    const problems =
      env === undefined ? [] : source.substitute((value) => interpolate(value, places));
    if (problems.length > 0) throw refuse(problems);
    const named = text.matchAll(/\$\{(?:env:)?([A-Za-z_]\w*)/g);
    const variables = new Set([...named].map(([, name = ""]) => name));
    return { value: source.value(), source, variables };
  } catch (error) {
    throw error instanceof ScenarioError ? refuse(error.problems) : error;
  }
}
