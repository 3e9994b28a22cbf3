import type { SinkCursor } from "../sink.ts";
import { Fenced, logIsShorter, otherHistory, otherSettings } from "./stops.ts";

/** What a stored cursor is held against. */
export interface Present {
  readonly settings: string;
  /** The token of the lane. */
  readonly epoch: number;
  /** Seqs that the log has. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** See `SinkCursor.recordHash`. */
  readonly hashAt: (seq: number) => Promise<string>;
}

/** Throws unless the database goes on where this log is, by these settings, and nobody newer owns it. */
export async function checkHistory(stored: SinkCursor, present: Present): Promise<void> {
  const { settings, epoch, firstSeq, lastSeq, hashAt } = present;
  if (stored.settings !== settings) throw otherSettings();
  if (stored.seq > lastSeq)
    throw otherHistory(`it has record ${stored.seq}, and the last one of the log is ${lastSeq}`);
  if (stored.seq + 1 < firstSeq) throw logIsShorter(stored.seq, firstSeq);
  // The record before the first one is gone from the log: nothing is left to compare.
  if (stored.seq >= firstSeq && (await hashAt(stored.seq)) !== stored.recordHash)
    throw otherHistory(`record ${stored.seq} is not the one that was written`);
  if (stored.epoch > epoch) throw new Fenced("database", "the database has a newer owner");
}
