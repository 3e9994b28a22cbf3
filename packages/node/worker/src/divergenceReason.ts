import type { Divergence, HistoryClaim } from "@annals/replica";

/** Cause, consequence, and what to do, in one line. */
export function divergenceReason({ own, other }: Divergence): string {
  const there = `member ${other.member} has ${claimText(other)}`;
  const here =
    own === undefined ? "this copy has no such entry" : `this copy has ${claimText(own)}`;
  return (
    `its history differs: ${here}, ${there}; a disk has lost or was given something, so nothing is acknowledged here. ` +
    "`annals log resolve` shows the copies and keeps the one that you choose"
  );
}

function claimText({ index, term, hash, commitIndex }: HistoryClaim): string {
  return `entry ${index} of term ${term} with hash ${hash.slice(0, 16)} (committed up to ${commitIndex})`;
}
