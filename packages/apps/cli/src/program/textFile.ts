import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { CliError } from "./cliError.ts";

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not read it",
  EISDIR: "it is a directory",
  ELOOP: "its links go round in a circle",
  ENOENT: "there is no such file",
  ENOTDIR: "a part of its path is a file",
};

/** A file that somebody has named, relative to `cwd`. Rejects with ERR_FILE_UNREADABLE. */
export async function readTextFile(cwd: string, name: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, name), "utf8");
  } catch (error) {
    throw unreadable(name, error);
  }
}

/** Why a file cannot be read, by the name that was given and without the words of the system where we have better ones. */
export function unreadable(name: string, cause: unknown): CliError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new CliError("ERR_FILE_UNREADABLE", `cannot read ${name}: ${reason}`, { cause });
}
