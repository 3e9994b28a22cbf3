import { CliError, usageError } from "../program/cliError.ts";

/** Runs git and gives what it prints. */
type Git = (args: readonly string[]) => Promise<string>;

const DATE = /^(\d{4})-(\d{2})-(\d{2})(.*)$/s;

/**
 * The commit that `--since` means: the revision of that name; or, of what begins as a date does, the last commit that the main line of
 * `head` had then. Undefined: it had none. Rejects with ERR_GIT_NO_COMMITS, ERR_IMPORT_AMBIGUOUS, ERR_USAGE.
 */
export async function commitOfSince(
  since: string,
  head: string,
  git: Git,
): Promise<string | undefined> {
  const commit = (extra: readonly string[]): Promise<string> =>
    git(["rev-parse", "--verify", ...extra, "--end-of-options", `${since}^{commit}`]);
  const [, year, month, day, rest = ""] = DATE.exec(since) ?? [];
  if (year === undefined) return commit([]);
  const isRevision = await commit(["--quiet"]).then(
    () => true,
    () => false,
  );
  if (isRevision) {
    throw new CliError("ERR_IMPORT_AMBIGUOUS", `${since} is a date, and a revision has this name`, {
      hint: `write refs/tags/${since} or refs/heads/${since} for it, or ${since}T00:00:00 for the date`,
    });
  }
  if (!isDay(Number(year), Number(month), Number(day)))
    throw usageError(`--since ${since}: there is no such day`);
  // Git would take a day without a time for the moment of it at which it is asked.
  const moment = rest.trim() === "" ? `${since.trim()} 00:00:00` : since;
  const found = await git(["rev-list", "-1", "--first-parent", `--before=${moment}`, head]);
  return found === "" ? undefined : found;
}

function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
