import { CliError } from "../program/cliError.ts";
import type { FoundPosition, ImportPosition } from "./changeRecord.ts";

/** One stretch of history: what `head` has and the earlier ends have not, going on after `after`. */
export interface Stretch {
  readonly head: string;
  /** Where the stretch before ended. */
  readonly base: string | undefined;
  /** Ends of earlier stretches that `base` does not contain: the branch was another one, or was rewritten. */
  readonly others: readonly string[];
  /** Whether the main line was followed without a gap up to here. */
  readonly isUnbroken: boolean;
  readonly after:
    | { readonly commit: number; readonly file: number; readonly commitId: string }
    | undefined;
}

/** Every record names them. */
const OTHERS_MAX = 16;

/** Runs git and gives what it prints. */
type Git = (args: readonly string[]) => Promise<string>;

/** The commits of a stretch, as arguments of git. */
export function rangeOf({ head, base, others }: Stretch): readonly string[] {
  const ends = base === undefined ? others : [base, ...others];
  return [head, ...ends.map((id) => `^${id}`)];
}

/** What is left behind the last record of an import: the rest of its stretch, then what is new since. */
export async function stretchesAfter(
  last: FoundPosition,
  head: string,
  git: Git,
): Promise<readonly Stretch[]> {
  const { base, others, isUnbroken } = last;
  const after = { commit: last.commit, file: last.file, commitId: last.commitId };
  const rest: readonly Stretch[] = last.last
    ? []
    : [{ head: last.head, base, others, isUnbroken, after }];
  if (!last.last && last.isOfOtherFormat) throw startedElsewhere();
  if (!last.last && base !== undefined) await assertPresent(base, git);
  if (last.head === head) return rest;
  await assertPresent(last.head, git);
  const behind = await othersBehind(last, git);
  return [...rest, { head, base: last.head, others: behind, isUnbroken, after: undefined }];
}

/**
 * The earlier ends that the last one does not contain. One that is gone from the repository is left out: so are its commits, but for
 * those that another branch has.
 */
async function othersBehind(
  { head, base, others }: ImportPosition,
  git: Git,
): Promise<readonly string[]> {
  const ends: string[] = [];
  for (const end of base === undefined ? others : [base, ...others])
    if (await isPresent(end, git)) ends.push(end);
  if (ends.length === 0) return [];
  // Those of which no other one is a descendant.
  const independent = (await git(["merge-base", "--independent", head, ...ends])).split("\n");
  const behind = independent.filter((end) => end !== head);
  if (behind.length <= OTHERS_MAX) return behind;
  throw new CliError(
    "ERR_IMPORT_DIVERGED",
    `the history was rewritten more than ${OTHERS_MAX} times since the import began`,
    { hint: "import into another log (--log)" },
  );
}

function startedElsewhere(): CliError {
  return new CliError("ERR_IMPORT_DIVERGED", "another version of annals began this import", {
    hint: "finish it with that one, or import into another log (--log)",
  });
}

async function isPresent(commit: string, git: Git): Promise<boolean> {
  try {
    await git(["cat-file", "-e", `${commit}^{commit}`]);
    return true;
  } catch (error) {
    if (error instanceof CliError && error.code === "ERR_GIT_FAILED") return false;
    throw error;
  }
}

async function assertPresent(commit: string, git: Git): Promise<void> {
  if (await isPresent(commit, git)) return;
  throw new CliError(
    "ERR_IMPORT_HEAD_GONE",
    `commit ${commit}, up to which an earlier run imported, is not in the repository any more`,
    { hint: "fetch it again (git fetch origin COMMIT), or import into another log (--log)" },
  );
}
