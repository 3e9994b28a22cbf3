import type { SinkCursor } from "../sink.ts";
import { Fenced, logIsShorter, otherHistory, otherScope, otherSettings } from "./stops.ts";

/** What a stored cursor is held against. */
export interface Present {
  /** Name of the sink and what it writes to, for messages. */
  readonly who: string;
  readonly scope: string;
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
  const { who, scope, settings, epoch, firstSeq, lastSeq, hashAt } = present;
  if (stored.scope !== scope) throw otherScope(who, stored.scope, scope);
  if (stored.settings !== settings) throw otherSettings(who);
  if (stored.seq > lastSeq)
    throw otherHistory(
      who,
      `it has record ${stored.seq}, and the last one of the log is ${lastSeq}`,
    );
  if (stored.seq + 1 < firstSeq) throw logIsShorter(who, stored.seq, firstSeq);
  // The record before the first one is gone from the log: nothing is left to compare.
  if (stored.seq >= firstSeq && (await hashAt(stored.seq)) !== stored.recordHash)
    throw otherHistory(who, `record ${stored.seq} is not the one that was written`);
  if (stored.epoch > epoch) throw new Fenced("database", "the database has a newer owner");
}
