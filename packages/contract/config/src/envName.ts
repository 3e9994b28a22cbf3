/** `raft.electionTicks` → `ANNALS_RAFT_ELECTION_TICKS`. */
export function envName(path: string): string {
  return `ANNALS_${path
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()}`;
}
