import type { Message } from "@annals/raft";

/** What a message costs of the follower's credit. */
export function entriesOf(message: Message): number {
  return message.kind === "appendEntries" ? message.entries.length : 0;
}

/** Bytes of the entries alone. */
export function payloadOf(message: Message): number {
  if (message.kind !== "appendEntries") return 0;
  return message.entries.reduce((sum, entry) => sum + entry.data.length, 0);
}
