import { CliError } from "../program/cliError.ts";
import { gitOutput } from "./gitProcess.ts";
import { ALL_COMMITS, MAIN_LINE, parseLog } from "./logParser.ts";
import type { Commit, FileChange } from "./logParser.ts";

/** What a commit did to one file, as it is recorded. */
export interface HistoryChange extends Omit<FileChange, "kind"> {
  /** `merged`: a merge brought it to the main line as another commit had left it. */
  readonly kind: FileChange["kind"] | "merged";
}

export interface HistoryCommit extends Omit<Commit, "changes"> {
  /**
   * Whether it is of the main line, which leads from the newest commit from first parent to first parent. The changes of these commits,
   * one after the other, make every tree of the main line; those of others change nothing there before they are merged.
   */
  readonly isMainLine: boolean;
  /**
   * What the commit itself changed: beside its first parent; of a merge what differs from all parents. On the main line a merge has also
   * what it brought there.
   */
  readonly changes: readonly HistoryChange[];
}

/**
 * Every commit of a range (arguments of git), parents first; holds one at a time. Without a main line none is of it.
 */
export async function* readHistory(
  repository: string,
  range: readonly string[],
  hasMainLine: boolean,
  signal: AbortSignal,
): AsyncGenerator<HistoryCommit, void> {
  const mainLine = hasMainLine ? readLog(repository, MAIN_LINE, range, signal) : undefined;
  try {
    let next = await mainLine?.next();
    for await (const commit of readLog(repository, ALL_COMMITS, range, signal)) {
      if (next?.done !== false || next.value.id !== commit.id) {
        yield { ...commit, isMainLine: false };
        continue;
      }
      yield { ...commit, isMainLine: true, changes: changesOnMainLine(commit, next.value) };
      next = await mainLine?.next();
    }
    if (next?.done !== false) return;
    throw new CliError("ERR_GIT_OUTPUT", `git left out commit ${next.value.id} of the main line`);
  } finally {
    await mainLine?.return();
  }
}

/** Whether the main line of a range goes on from a commit; from undefined: from its beginning. */
export async function mainLineGoesOnFrom(
  from: string | undefined,
  repository: string,
  range: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  for await (const { parents } of readLog(repository, MAIN_LINE, range, signal))
    return parents[0] === from;
  return true;
}

function readLog(
  repository: string,
  args: readonly string[],
  range: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Commit, void> {
  return parseLog(gitOutput(repository, [...args, ...range, "--"], signal));
}

function changesOnMainLine(commit: Commit, onMainLine: Commit): readonly HistoryChange[] {
  if (commit.parents.length < 2) return commit.changes;
  const own = new Set(commit.changes.map(({ path }) => path));
  return onMainLine.changes.map((change) =>
    own.has(change.path) ? change : { ...change, kind: "merged" },
  );
}
