import type { ScenarioProblem } from "@annals/drill";
import { checkedFile } from "../program/checkedFile.ts";
import { CliError } from "../program/cliError.ts";
import { EXIT } from "../program/exitCodes.ts";
import { problemsText } from "../program/fileProblems.ts";
import type { CliIo } from "../program/io.ts";
import { readYaml } from "../program/yamlFile.ts";
import { SOURCE_FILE } from "./sourceSchema.ts";
import type { SourceSpec } from "./sourceSchema.ts";

/** A file of sources, with defaults filled in. */
export interface SourceFile {
  readonly urls: readonly string[] | undefined;
  readonly listen: string | undefined;
  readonly sources: ReadonlyMap<string, SourceSpec>;
}

/** Rejects with ERR_SOURCE_FILE_INVALID and everything that is wrong with the file, each with line and column. */
export async function readSourceFile(
  path: string,
  { cwd, env }: Pick<CliIo, "cwd" | "env">,
): Promise<SourceFile> {
  const file = await readYaml(cwd, path, refuseSourceFile, env);
  const { url, listen, sources } = checkedFile(file, SOURCE_FILE, "sources", env, refuseSourceFile);
  return {
    urls: typeof url === "string" ? [url] : url,
    listen,
    sources: new Map(Object.entries(sources)),
  };
}

function refuseSourceFile(problems: readonly ScenarioProblem[]): CliError {
  return new CliError("ERR_SOURCE_FILE_INVALID", problemsText(problems, "the file of sources"), {
    exitCode: EXIT.badConfig,
    hint: "docs/sources.md lists the keys",
  });
}
