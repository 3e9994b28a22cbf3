import { asIndex } from "@annals/raft";
import type { Entry, LogIndex, RaftConfig } from "@annals/raft";
import { AnnalsError, batchSeqRange, decodeBatchHeader } from "@annals/record";
import type { Seq } from "@annals/record";
import { decodeGroupCommand, isGroupCommand } from "./groupCommand.ts";

/** What of the log is applied: entries behind it are looked at, down to there. */
export interface Applied {
  readonly appliedIndex: LogIndex;
  readonly appliedSeq: Seq;
}

type Before = (index: LogIndex) => Entry | undefined;

/**
 * Judges entries that a leader sent before they are stored: an entry that cannot be written or applied would stop this replica at its next
 * write, or all of them when it is committed.
 */
export function acceptableEntries(applied: () => Applied): NonNullable<RaftConfig["acceptable"]> {
  return (entries, before) => {
    let next: number | undefined;
    for (const entry of entries) {
      if (!isApplicable(entry)) return false;
      if (entry.kind !== "records") continue;
      const { firstSeq, lastSeq } = batchSeqRange(entry.data);
      next ??= lastSeqBefore(entries[0]?.index ?? entry.index, applied(), before) + 1;
      if (firstSeq !== next) return false;
      next = lastSeq + 1;
    }
    return true;
  };
}

function isApplicable({ kind, data }: Entry): boolean {
  switch (kind) {
    case "records":
      return reads(() => decodeBatchHeader(data));
    case "command":
      return !isGroupCommand(data) || reads(() => decodeGroupCommand(data));
    case "noop":
      return data.length === 0;
    case "membership":
      // The core reads these itself.
      return true;
    default:
      return kind satisfies never;
  }
}

function reads(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (error instanceof AnnalsError) return false;
    throw error;
  }
}

/** How far the log goes in front of `index`: what the nearest batch says, which nearly always is the entry just before. */
function lastSeqBefore(
  index: LogIndex,
  { appliedIndex, appliedSeq }: Applied,
  before: Before,
): Seq {
  for (let at = index - 1; at > appliedIndex; at -= 1) {
    const entry = before(asIndex(at));
    if (entry?.kind === "records") return batchSeqRange(entry.data).lastSeq;
  }
  return appliedSeq;
}
