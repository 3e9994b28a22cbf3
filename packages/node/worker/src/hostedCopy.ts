import { partedEnd, storeEnd } from "@annals/storage";
import type { HostedCopy } from "./lane/messages.ts";
import type { HostedLog } from "./hostedLog.ts";

/** What is in the copy of a log that is open, for somebody who has to choose one. */
export function hostedCopy({ store, replica, emptied }: HostedLog): HostedCopy {
  const { raft, diverged, headHash } = replica.status();
  return {
    ...storeEnd(store),
    commitIndex: raft.commitIndex,
    headHash: Buffer.from(headHash).toString("hex"),
    diverged,
    parted: partedEnd(store, diverged),
    emptied: raft.emptied === undefined ? undefined : emptied,
  };
}
