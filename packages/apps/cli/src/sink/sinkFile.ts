import type { ScenarioProblem } from "@annals/drill";
import { checkedFile } from "../program/checkedFile.ts";
import { CliError } from "../program/cliError.ts";
import { EXIT } from "../program/exitCodes.ts";
import { problemsText } from "../program/fileProblems.ts";
import { parseYaml, readYaml } from "../program/yamlFile.ts";
import type { Environment, YamlFile } from "../program/yamlFile.ts";
import { SINK_FILE } from "./sinkSchema.ts";
import type { CliIo } from "../program/io.ts";
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
  return sinkFileOf(await readYaml(cwd, name, refuseSinkFile, env), env);
}

export function parseSinkFile(text: string, file: string, env: Environment = {}): SinkFile {
  return sinkFileOf(parseYaml(text, file, refuseSinkFile, env), env);
}

function sinkFileOf(file: YamlFile, env: Environment): SinkFile {
  const { url, listen, sinks } = checkedFile(file, SINK_FILE, "sinks", env, refuseSinkFile);
  return {
    urls: typeof url === "string" ? [url] : url,
    listen,
    sinks: new Map(Object.entries(sinks)),
  };
}

/** Also of what the file of sinks names, such as a mapping. */
export function refuseSinkFile(found: readonly ScenarioProblem[]): CliError {
  return new CliError("ERR_SINK_FILE_INVALID", problemsText(found, "the files of the sinks"), {
    exitCode: EXIT.badConfig,
    hint: "docs/sinks.md lists the keys",
  });
}
