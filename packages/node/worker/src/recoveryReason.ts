import { NOBODY } from "@annals/raft";
import type { EmptiedStatus, RecoveryStatus, RolledBack } from "@annals/raft";

/** Cause, consequence, and what to look at, in one line. */
export function rolledBackReason({
  member,
  acknowledgedIndex,
  lastIndex,
  term,
}: RolledBack): string {
  const lost =
    lastIndex < acknowledgedIndex
      ? `the log here ended at entry ${lastIndex}`
      : `the disk does not know that term`;
  return (
    "this disk is older than what it acknowledged: " +
    `member ${member} had its acknowledgement of entry ${acknowledgedIndex} in term ${term}, and ${lost}; ` +
    "was an older copy of its data put back? Until it has caught up it votes for no log without that entry"
  );
}

/** What a replica that knows no leader says of what it has heard from the others since its start. */
export function leaderlessReason(recovery: RecoveryStatus): string | undefined {
  const { lacks, silent, answered, waits } = recovery;
  if (lacks !== undefined)
    return (
      `it waits for a leader that has entry ${lacks.index} of term ${lacks.term}, ` +
      "which is committed or was acknowledged here, and is not on this disk; start the nodes that may have it"
    );
  if (waits || answered || silent.length === 0) return undefined;
  return (
    "no other member has said what it remembers of this one, " +
    "so it would not be noticed if this disk were an older copy"
  );
}

/** What a replica waits for whose copy was given up. */
export function emptiedReason({ kept, end }: EmptiedStatus): string {
  if (kept === NOBODY)
    return (
      "its copy was given up, and emptied.json does not say any more for which one: " +
      "stop the node and run `annals log resolve` on its data again"
    );
  if (end === undefined)
    return (
      `its copy was given up for the one of member ${kept}, which has not answered yet: ` +
      "until it does, this one gives no vote; start that node"
    );
  return (
    `its copy was given up for the one of member ${kept}, and is being filled from it up to entry ${end.index}; ` +
    "until then it votes for nobody else"
  );
}
