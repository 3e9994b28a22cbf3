import type { MemberId } from "./types.ts";

/** What is known of an election while votes are still coming in. */
export type VoteResult = "won" | "lost" | "pending";

/**
 * The highest value that a majority has reached, given one value a voter (0 for a voter that said nothing). Sorts `acked` in
 * place. Infinity for no voters at all: the empty half of a configuration that is not joint never holds anything back.
 */
export function committedByMajority(acked: number[]): number {
  const count = acked.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  // Insertion sort: a handful of voters, nearly sorted from one call to the next, nothing allocated.
  for (let i = 1; i < count; i += 1) {
    const value = acked[i] ?? 0;
    let j = i - 1;
    while (j >= 0 && (acked[j] ?? 0) > value) {
      acked[j + 1] = acked[j] ?? 0;
      j -= 1;
    }
    acked[j + 1] = value;
  }
  // A majority is ⌊count / 2⌋ + 1 voters; that many values are at or above the one at this position.
  return acked[count - (Math.floor(count / 2) + 1)] ?? 0;
}

/** The highest value acknowledged by a majority of `voters`; see `committedByMajority`. Unknown counts as 0. */
export function majorityCommitted(
  voters: readonly MemberId[],
  acked: (voter: MemberId) => number | undefined,
): number {
  return committedByMajority(voters.map((voter) => acked(voter) ?? 0));
}

/** The highest value acknowledged by both halves of a joint configuration (Raft §6); either half may be empty. */
export function jointCommitted(
  incoming: readonly MemberId[],
  outgoing: readonly MemberId[],
  acked: (voter: MemberId) => number | undefined,
): number {
  return Math.min(majorityCommitted(incoming, acked), majorityCommitted(outgoing, acked));
}

/** Counts votes in one majority. Whoever is missing in `votes` has not voted yet. No voters at all means won. */
export function majorityVote(
  voters: readonly MemberId[],
  votes: ReadonlyMap<MemberId, boolean>,
): VoteResult {
  if (voters.length === 0) return "won";
  const quorum = Math.floor(voters.length / 2) + 1;
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === undefined) missing += 1;
    else if (vote) granted += 1;
  }
  if (granted >= quorum) return "won";
  return granted + missing >= quorum ? "pending" : "lost";
}

/** Counts votes in both halves of a joint configuration: won only if won in both, lost once lost in either (Raft §6). */
export function jointVote(
  incoming: readonly MemberId[],
  outgoing: readonly MemberId[],
  votes: ReadonlyMap<MemberId, boolean>,
): VoteResult {
  const one = majorityVote(incoming, votes);
  const other = majorityVote(outgoing, votes);
  if (one === other) return one;
  return one === "lost" || other === "lost" ? "lost" : "pending";
}
