/** States that rules are about and that a run must come to now and then, by what they mean. */
export const RARE_STATES = {
  leaderUnflushed: "the others have committed what is not on the leader's own disk",
  tailLost: "a leader crashes with entries that are not on its disk",
  truncatedInFlight: "entries are removed while their write is in the air",
  overlappingTickets:
    "entries are removed while they wait for a write, and others wait behind them",
  electedInJoint: "a leader is elected in a joint configuration",
  electedUncommitted: "a leader is elected with entries that it does not know to be committed",
  staleCompletion: "a write ends after the term in which it was asked for",
  quorumLost: "a leader steps down because it does not hear from a quorum",
  transferGivenUp: "a leader gives up handing leadership over and stays",
  transferCut: "a leader crashes while it hands leadership over",
  deposedAsked: "a linearizable read is asked of a leader that was succeeded",
  windowFull: "a leader holds entries back because a follower has not taken what was sent",
  learnerReplaced: "a member loses its disks while it catches up",
} as const;

export type RareState = keyof typeof RARE_STATES;

/** Every one, for reports. */
export const RARE_STATE_KINDS: readonly RareState[] = Object.keys(RARE_STATES).filter(isRareState);

function isRareState(key: string): key is RareState {
  return key in RARE_STATES;
}

/** So many seeds, one after the other, must come to each of them: a night's run. */
export const SEEDS_WITH_ALL = 1000;
