import { partedEnd } from "@annals/storage";
import type { HostedCopy } from "../lane/messages.ts";
import type { HostedLog } from "./hostedLog.ts";

/** What is in the copy of a log that is open, for somebody who has to choose one. */
export function hostedCopy({ store, replica, emptied }: HostedLog): HostedCopy {
  const { raft, diverged, headHash } = replica.status();
  const last = store.lastIndex();
  const term = store.term(last);
  return {
    lastIndex: last,
    lastTerm: typeof term === "number" ? term : 0,
    lastSeq: store.lastSeq(),
    commitIndex: raft.commitIndex,
    headHash: Buffer.from(headHash).toString("hex"),
    diverged,
    parted: partedEnd(store, diverged),
    emptied: raft.emptied === undefined ? undefined : emptied,
  };
}
