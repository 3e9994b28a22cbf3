import type { TraceBuffer } from "./traceBuffer.ts";
import { asIndex, asTerm, type Entry, type EntryId, type LogIndex, type Term } from "./types.ts";

/** The terms of the entries that a log holds. */
interface HeldTerms {
  term(index: LogIndex): Term | undefined;
  readonly lastIndex: LogIndex;
}

/** The index of the first entry that is not here with the same term. */
export function findConflict(
  log: HeldTerms,
  entries: readonly Entry[],
  traces: TraceBuffer,
): LogIndex | undefined {
  for (const { index, term } of entries) {
    const existing = log.term(index);
    if (existing === term) continue;
    if (index <= log.lastIndex) {
      traces.emit({
        kind: "conflictFound",
        index,
        existing: existing ?? asTerm(0),
        conflicting: term,
      });
    }
    return index;
  }
  return undefined;
}

/**
 * The highest index ≤ `index` whose term is ≤ `term` or is not known, and its term (0 if unknown): the best guess at where this log stops
 * agreeing with one that has `term` at `index`. Both sides of a rejection skip whole terms by it.
 */
export function findConflictByTerm(log: HeldTerms, index: LogIndex, term: Term): EntryId {
  for (let guess: number = index; guess > 0; guess -= 1) {
    const ours = log.term(asIndex(guess));
    if (ours === undefined) return { index: asIndex(guess), term: asTerm(0) };
    if (ours <= term) return { index: asIndex(guess), term: ours };
  }
  return { index: asIndex(0), term: asTerm(0) };
}
