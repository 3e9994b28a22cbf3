import { formatScenarioProblems } from "@annals/drill";
import type { ScenarioProblem } from "@annals/drill";
import { checkedFile } from "../checkedFile.ts";
import { CliError } from "../cliError.ts";
import { EXIT } from "../exitCodes.ts";
import type { CliIo } from "../io.ts";
import { readYaml } from "../yamlFile.ts";
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
  const given = checkedFile(file, SOURCE_FILE, "sources", env, refuseSourceFile);
  const { url, listen, sources } = given;
  return {
    urls: typeof url === "string" ? [url] : url,
    listen,
    sources: new Map(Object.entries(sources)),
  };
}

function refuseSourceFile(problems: readonly ScenarioProblem[]): CliError {
  const count = `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`;
  const text = `${count} in the file of sources\n${formatScenarioProblems(problems)}`;
  return new CliError("ERR_SOURCE_FILE_INVALID", text, {
    exitCode: EXIT.badConfig,
    hint: "docs/sources.md lists the keys",
  });
}
