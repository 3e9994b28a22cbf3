import { formatScenarioProblems } from "@annals/drill";
import type { ScenarioProblem, ScenarioSource } from "@annals/drill";
import { nearest } from "@annals/server";
import type { z } from "zod";
import { CliError } from "../cliError.ts";
import { EXIT } from "../exitCodes.ts";
import { parseYaml, readYaml } from "../yamlFile.ts";
import type { Environment, YamlFile } from "../yamlFile.ts";
import { knownKeysAt, parseSinks } from "./sinkSchema.ts";
import type { CliIo } from "../io.ts";
import type { SinkSpec } from "./sinkSchema.ts";

/** A file of sinks, with defaults filled in. */
export interface SinkFile {
  readonly urls: readonly string[] | undefined;
  readonly listen: string | undefined;
  readonly sinks: ReadonlyMap<string, SinkSpec>;
}

/** Rejects with ERR_SINK_FILE_INVALID and everything that is wrong with the file, each with line and column. */
export async function readSinkFile(
  name: string,
  { cwd, env }: Pick<CliIo, "cwd" | "env">,
): Promise<SinkFile> {
  return sinkFileOf(await readYaml(cwd, name, refuseSinkFile, env));
}

export function parseSinkFile(text: string, file: string, env: Environment = {}): SinkFile {
  return sinkFileOf(parseYaml(text, file, refuseSinkFile, env));
}

function sinkFileOf({ value, source }: YamlFile): SinkFile {
  const parsed = parseSinks(value);
  if (!parsed.success) throw refuseSinkFile(problems(parsed.error, source));
  const { url, listen, sinks } = parsed.data;
  return {
    urls: typeof url === "string" ? [url] : url,
    listen,
    sinks: new Map(Object.entries(sinks)),
  };
}

function problems({ issues }: z.ZodError, source: ScenarioSource): readonly ScenarioProblem[] {
  const found = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => unknownKey(source, issue.path, key))
      : [source.problem(issue.path, `${issue.path.join(".")}: ${issue.message}`)],
  );
  return found.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function unknownKey(
  source: ScenarioSource,
  path: readonly PropertyKey[],
  key: string,
): ScenarioProblem {
  const known = knownKeysAt(path);
  const meant = nearest(key, known);
  const hint = meant === undefined ? `known are ${known.join(", ")}` : `did you mean "${meant}"?`;
  return source.keyProblem(path, key, `unknown key "${key}", ${hint}`);
}

/** Also of what the file of sinks names, such as a mapping. */
export function refuseSinkFile(found: readonly ScenarioProblem[]): CliError {
  const count = `${found.length} ${found.length === 1 ? "problem" : "problems"}`;
  const text = `${count} in the files of the sinks\n${formatScenarioProblems(found)}`;
  return new CliError("ERR_SINK_FILE_INVALID", text, {
    exitCode: EXIT.badConfig,
    hint: "docs/sinks.md lists the keys",
  });
}
