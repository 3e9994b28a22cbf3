import { asIndex } from "@annals/raft";
import type { AppendEntries, Message } from "@annals/raft";
import { APPEND_ENTRIES_MAX } from "./entries.ts";

/** The message as it travels: an AppendEntries with too many entries for one as several that follow each other, anything else as it is. */
export function inPieces(message: Message): readonly Message[] {
  if (message.kind !== "appendEntries" || message.entries.length <= APPEND_ENTRIES_MAX)
    return [message];
  const pieces: AppendEntries[] = [];
  for (let at = 0; at < message.entries.length; at += APPEND_ENTRIES_MAX)
    pieces.push(pieceAt(message, at));
  return pieces;
}

function pieceAt(message: AppendEntries, at: number): AppendEntries {
  const entries = message.entries.slice(at, at + APPEND_ENTRIES_MAX);
  const before = message.entries[at - 1];
  if (before === undefined) return { ...message, entries };
  const prevLogHash = entries[0]?.link?.previousHash;
  // Without it the follower would refuse the piece, and so each try for ever.
  if (prevLogHash === undefined && message.prevLogHash !== undefined)
    throw new RangeError(`entry ${before.index + 1} comes without the hash before it`);
  return {
    ...message,
    prevLogIndex: asIndex(before.index),
    prevLogTerm: before.term,
    prevLogHash,
    entries,
  };
}
