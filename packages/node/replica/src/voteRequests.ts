import type { Message, Ready } from "@annals/raft";

/**
 * Lets requests for votes leave only when the candidate's own term and vote are on disk. The core sends them at once and waits for the
 * flush only before it counts its own vote. So the votes of others alone could make a leader of a term that its disk does not know: after a
 * crash it would stand in the same term again, they would repeat their votes, and two logs would carry entries of one term and index
 * (Raft Fig. 2: currentTerm and votedFor are persistent; §5.3: a leader creates at most one entry with a given index in a given term).
 */
export function holdVoteRequests(ready: Ready): Ready {
  const { append, messages } = ready;
  if (append === undefined || !messages.some(isVoteRequest)) return ready;
  const afterDurable = [...append.afterDurable, ...messages.filter(isVoteRequest)];
  return {
    ...ready,
    messages: messages.filter((message) => !isVoteRequest(message)),
    append: { ...append, afterDurable },
  };
}

function isVoteRequest({ kind }: Message): boolean {
  return kind === "requestVote";
}
