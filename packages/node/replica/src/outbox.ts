import type { MemberId, Message } from "@annals/raft";

/**
 * What leaves a replica in one turn: one frame for each receiver, its messages in order. A leader tells every follower of each commit, and
 * a follower answers each append; of those that gather in a turn the last one says it all, so the others stay here, as if the network had
 * lost them (Raft tolerates that for any message).
 */
export class Outbox {
  #frames = new Map<MemberId, Message[]>();

  add(messages: readonly Message[]): void {
    for (const message of messages) {
      const frame = this.#frames.get(message.to);
      if (frame === undefined) this.#frames.set(message.to, [message]);
      else push(frame, message);
    }
  }

  /** Everything that has gathered since the last call, by receiver. */
  take(): ReadonlyMap<MemberId, readonly Message[]> {
    const frames = this.#frames;
    if (frames.size > 0) this.#frames = new Map();
    return frames;
  }
}

/** Only neighbours are compared, so nothing overtakes anything. */
function push(frame: Message[], message: Message): void {
  const last = frame.at(-1);
  if (last !== undefined && supersedes(message, last)) frame[frame.length - 1] = message;
  else frame.push(message);
}

/** Whether whoever gets `later` learns nothing more from `earlier`, which comes right before it. */
export function supersedes(later: Message, earlier: Message): boolean {
  if (later.term !== earlier.term) return false;
  if (later.kind === "appendEntries" && earlier.kind === "appendEntries")
    return (
      earlier.entries.length === 0 &&
      later.prevLogIndex >= earlier.prevLogIndex &&
      later.leaderCommit >= earlier.leaderCommit
    );
  if (later.kind === "appendEntriesResponse" && earlier.kind === "appendEntriesResponse")
    return !later.rejected && !earlier.rejected && later.index >= earlier.index;
  return false;
}
