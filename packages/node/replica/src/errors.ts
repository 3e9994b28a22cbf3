import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";

/** The request was not accepted and nothing of it is in the log: safe to send again, best to `leader`. */
export function notLeader(leader: MemberId): AnnalsError {
  return new AnnalsError("ERR_NOT_LEADER", "this node does not lead the log", {
    retryable: true,
    details: { leader },
  });
}

/** The request may or may not end up in the log. Only a retry with the same producer stamp is free of duplicates. */
export function outcomeUnknown(why: string): AnnalsError {
  return new AnnalsError("ERR_OUTCOME_UNKNOWN", `the outcome of the append is unknown: ${why}`, {
    retryable: true,
  });
}

export function overloaded(pendingBytes: number, cap: number): AnnalsError {
  return new AnnalsError(
    "ERR_OVERLOADED",
    `${pendingBytes} bytes wait for their answer, the cap is ${cap}: nothing of this request was accepted`,
    { retryable: true, details: { pendingBytes, cap } },
  );
}

/** As much as may wait does, behind what no quorum has flushed yet. Nothing of the request was accepted. */
export function uncommittedFull(uncommittedBytes: number): AnnalsError {
  return new AnnalsError(
    "ERR_UNCOMMITTED_FULL",
    `too much uncommitted data: ${uncommittedBytes} bytes wait for a quorum to flush them (raft.maxUncommittedBytes); ` +
      "nothing of this request was accepted",
    { retryable: true, details: { uncommittedBytes } },
  );
}

/** Records name blobs that the leader does not have. Nothing of the request was accepted. */
export function blobsMissing(digests: readonly string[]): AnnalsError {
  const more = digests.length > 1 ? ` and ${digests.length - 1} more` : "";
  return new AnnalsError(
    "ERR_BLOB_MISSING",
    `blob ${digests[0]}${more} was not uploaded to this log: upload it, then append the records that name it`,
    { details: { missing: digests.slice(0, BLOBS_NAMED_MAX) } },
  );
}

/** More digests than this do not help anybody who reads an error. */
const BLOBS_NAMED_MAX = 10;

/** Whether the disk has refused a write for now, before anything of it was written: the same write may come again. */
export function isRefusal({ code }: AnnalsError): boolean {
  return code === "ERR_DISK_FULL" || code === "ERR_DISK_UNAVAILABLE";
}

/** The replica takes no more requests: it is shutting down, or its storage failed and its node is about to end. */
export function replicaClosed(): AnnalsError {
  return new AnnalsError(
    "ERR_REPLICA_CLOSED",
    "this replica has stopped: nothing of this request was accepted, another node may take it",
    { retryable: true },
  );
}

/** Nothing of the request was accepted, and nothing will be until an operator has decided. */
export function logDiverged(): AnnalsError {
  return new AnnalsError(
    "ERR_LOG_DIVERGED",
    "this replica and another member have different entries where both promised to keep one, " +
      "so a disk has lost or was given something: " +
      "the log takes nothing in here until an operator has decided which copy is right " +
      "(annals log resolve LOG --keep NODE); " +
      "?consistency=local reads what this node has",
  );
}

export function readTimeout(timeoutMs: number): AnnalsError {
  return new AnnalsError(
    "ERR_NO_QUORUM",
    `no quorum confirmed the read within ${timeoutMs} ms; ?consistency=local reads what this node has`,
    { retryable: true },
  );
}

/** What ended a replica, coded: anything that is not was a broken invariant. */
export function replicaBroken(cause: unknown): AnnalsError {
  return cause instanceof AnnalsError
    ? cause
    : new AnnalsError("ERR_REPLICA_BROKEN", String(cause), { cause });
}
