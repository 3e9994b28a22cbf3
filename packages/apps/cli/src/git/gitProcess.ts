import { spawn } from "node:child_process";
import { CliError } from "../program/cliError.ts";

const STDERR_CHARACTERS_MAX = 4_096;
const SMALL_OUTPUT_CHARACTERS_MAX = 1 << 20;

/**
 * Runs git in a repository and gives its output piece by piece; the process waits while nobody reads, so memory stays bounded. Throws
 * ERR_GIT_MISSING, ERR_GIT_NO_REPOSITORY, ERR_GIT_NO_COMMITS or ERR_GIT_FAILED. Ending the iteration early ends the process.
 */
export async function* gitOutput(
  repository: string,
  args: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const child = spawn("git", ["-C", repository, "--no-replace-objects", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    // The output must not depend on whose machine it is.
    env: { ...process.env, LC_ALL: "C.UTF-8", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" },
    ...(signal === undefined ? {} : { signal }),
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    complaint = (complaint + part).slice(0, STDERR_CHARACTERS_MAX);
  });
  const ended = new Promise<Error | number>((resolve) => {
    child.once("error", resolve);
    child.once("close", (code, name) => resolve(code ?? new Error(`git ended by ${String(name)}`)));
  });
  try {
    for await (const part of child.stdout) yield part as Uint8Array;
    const result = await ended;
    if (result !== 0) throw gitError(repository, args, result, complaint);
  } finally {
    if (child.exitCode === null && child.pid !== undefined) child.kill();
  }
}

/** The whole output of a git command that prints little, without the newline at its end. */
export async function gitText(
  repository: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of gitOutput(repository, args, signal)) {
    text += decoder.decode(part, { stream: true });
    if (text.length > SMALL_OUTPUT_CHARACTERS_MAX)
      throw new RangeError("git printed more than expected");
  }
  return text.trimEnd();
}

function gitError(
  repository: string,
  args: readonly string[],
  result: Error | number,
  complaint: string,
): CliError {
  if (result instanceof Error && "code" in result && result.code === "ENOENT") {
    return new CliError("ERR_GIT_MISSING", "there is no git command", {
      hint: "install git (Debian: apt install git), or append NDJSON with `annals append FILE`",
      cause: result,
    });
  }
  if (result instanceof Error && result.name === "AbortError") {
    return new CliError("ERR_INTERRUPTED", "interrupted", { exitCode: 130, cause: result });
  }
  const detail = complaint.trim().replace(/^fatal: /, "");
  if (/not a git repository|cannot change to/i.test(complaint)) {
    return new CliError("ERR_GIT_NO_REPOSITORY", `${repository} is no git repository: ${detail}`, {
      hint: "give the path of a working copy or of a bare repository",
    });
  }
  if (/needed a single revision/i.test(complaint)) {
    const revision = args.at(-1)?.replace("^{commit}", "") ?? "";
    return new CliError("ERR_GIT_NO_COMMITS", `${revision} of ${repository} names no commit`, {
      hint: "name a branch, a tag or a commit (--ref), or check out a branch that has commits",
    });
  }
  const how = typeof result === "number" ? `exit code ${result}` : result.message;
  return new CliError(
    "ERR_GIT_FAILED",
    `git ${args[0] ?? ""} failed: ${detail === "" ? how : detail}`,
  );
}
