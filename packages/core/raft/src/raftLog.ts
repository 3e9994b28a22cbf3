import { findConflict } from "./conflict.ts";
import { entriesBytes, limitEntries, payloadBytes } from "./entrySize.ts";
import { ChainHashes, type HashChain, isSameHash } from "./hashChain.ts";
import { InvariantError, invariant } from "./invariant.ts";
import type { LogReader } from "./logReader.ts";
import { TermRuns } from "./termRuns.ts";
import { RecentEntries } from "./recentEntries.ts";
import type { TraceBuffer } from "./traceBuffer.ts";
import {
  asIndex,
  type Entry,
  type EntryId,
  type LogIndex,
  type Snapshot,
  type Term,
} from "./types.ts";
import { Unstable } from "./unstable.ts";

/** Terms seldom change: this many runs answer for the terms of a long tail, a few KiB at most. */
const TERM_RUNS_MAX = 256;
/** Durable entries that wait for being committed and applied are kept in memory up to this. */
const RECENT_BYTES_MAX = 4 * 1024 * 1024;
const NO_ENTRIES: readonly Entry[] = [];

/** A batch of entries handed out for applying and not yet acknowledged. */
interface ApplyingBatch {
  readonly lastIndex: LogIndex;
  readonly bytes: number;
  readonly payload: number;
}

/**
 * The log as Raft sees it: what storage holds, under the tail that is not known to be durable.
 * Invariant: applied ≤ applying ≤ committed ≤ lastIndex.
 */
export class RaftLog {
  readonly unstable: Unstable;
  readonly #storage: LogReader;
  readonly #traces: TraceBuffer;
  readonly #maxApplyingBytes: number;
  readonly #terms = new TermRuns(TERM_RUNS_MAX);
  readonly #recent = new RecentEntries(RECENT_BYTES_MAX);
  readonly #hashes: ChainHashes | undefined;
  #lastIndex: LogIndex;
  #committed: LogIndex;
  #applying: LogIndex;
  #applied: LogIndex;
  #applyingBatches: ApplyingBatch[] = [];
  #applyingBytes = 0;
  #applyingPaused = false;
  /** The last tail that was read, shared by all members that need the same one. Valid until the tail changes. */
  #tail: readonly Entry[] = NO_ENTRIES;
  #tailFrom = -1;

  constructor(
    storage: LogReader,
    traces: TraceBuffer,
    maxApplyingBytes: number,
    chain?: HashChain,
  ) {
    this.#storage = storage;
    this.#hashes = chain && new ChainHashes(chain);
    this.#traces = traces;
    this.#maxApplyingBytes = maxApplyingBytes;
    this.#lastIndex = storage.lastIndex();
    this.unstable = new Unstable(asIndex(this.#lastIndex + 1), traces);
    const lastTerm = storage.term(this.#lastIndex);
    invariant(
      typeof lastTerm === "number",
      `storage has no term for its last index ${this.#lastIndex}: ${lastTerm}`,
    );
    this.#terms.reset(this.#lastIndex, lastTerm);
    const compactedTo = asIndex(storage.firstIndex() - 1);
    this.#committed = compactedTo;
    this.#applying = compactedTo;
    this.#applied = compactedTo;
  }

  get committed(): LogIndex {
    return this.#committed;
  }

  get applied(): LogIndex {
    return this.#applied;
  }

  get applying(): LogIndex {
    return this.#applying;
  }

  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  get firstIndex(): LogIndex {
    const snapshot = this.unstable.snapshot;
    return snapshot === undefined
      ? this.#storage.firstIndex()
      : asIndex(snapshot.lastIncludedIndex + 1);
  }

  lastTerm(): Term {
    return this.term(this.#lastIndex) ?? failTerm(this.#lastIndex);
  }

  lastId(): EntryId {
    return { term: this.lastTerm(), index: this.#lastIndex };
  }

  committedId(): EntryId {
    return {
      term: this.term(this.#committed) ?? failTerm(this.#committed),
      index: this.#committed,
    };
  }

  /** The term at `index`; undefined if it is compacted away or not here yet. The index before the first entry still has its term. */
  term(index: LogIndex): Term | undefined {
    if (index > this.#lastIndex || index + 1 < this.firstIndex) return undefined;
    const known = this.#terms.term(index);
    if (known !== undefined) return known;
    const stored = this.#storage.term(index);
    return typeof stored === "number" ? stored : undefined;
  }

  /** The entry at `index`; undefined if it is compacted away or not here yet. */
  entry(index: LogIndex): Entry | undefined {
    if (index > this.#lastIndex || index < this.firstIndex) return undefined;
    const read = this.slice(index, asIndex(index + 1), 1, 1);
    return read === "compacted" ? undefined : read[0];
  }

  /** Whether entries have chain hashes here. */
  get chained(): boolean {
    return this.#hashes !== undefined;
  }

  /** The chain hash at `index`; undefined if there is none here. The index before the first entry still has its hash. */
  hash(index: LogIndex): Uint8Array | undefined {
    if (index > this.#lastIndex || index + 1 < this.firstIndex) return undefined;
    return this.#hashes?.at(index, index >= this.unstable.offset ? this.entry(index) : undefined);
  }

  /** Whether there is another hash at `index` here; false where one of the two is not known. */
  differsAt(index: LogIndex, hash: Uint8Array | undefined): boolean {
    const own = hash === undefined ? undefined : this.hash(index);
    return hash !== undefined && own !== undefined && !isSameHash(own, hash);
  }

  /** The hash at the end of `entries` behind one whose hash is `previous`. */
  hashThrough(previous: Uint8Array, entries: readonly Entry[]): Uint8Array | undefined {
    return this.#hashes?.link(previous, entries).at(-1)?.link?.hash;
  }

  matches(id: EntryId): boolean {
    return this.term(id.index) === id.term;
  }

  /** Whether a log that ends with `last` is at least as up-to-date as this one (Raft §5.4.1). */
  isUpToDate(last: EntryId): boolean {
    const term = this.lastTerm();
    return last.term > term || (last.term === term && last.index >= this.#lastIndex);
  }

  /**
   * Appends the entries that are not already here and returns the new last index of what was sent, or "mismatch" if we lack `prev`.
   * Equal entries are kept, so a late duplicate cannot shorten the log (Raft §5.3). Nothing is durable until its ticket is done.
   */
  maybeAppend(
    prev: EntryId,
    entries: readonly Entry[],
    leaderCommit: LogIndex,
  ): LogIndex | "mismatch" {
    if (!this.matches(prev)) return "mismatch";
    const lastNew = asIndex(prev.index + entries.length);
    const conflict = findConflict(this, entries, this.#traces);
    if (conflict !== undefined) {
      // Either this log lost what it had promised to keep, or two leaders disagree about a committed entry.
      invariant(
        conflict > this.#committed,
        `entry ${conflict} conflicts with a committed entry (commitIndex ${this.#committed})`,
      );
      const fresh = conflict - prev.index - 1;
      this.append(fresh === 0 ? entries : entries.slice(fresh));
    }
    this.commitTo(leaderCommit < lastNew ? leaderCommit : lastNew);
    return lastNew;
  }

  /** Appends contiguous entries, replacing whatever was at their indexes. Committed entries are never replaced. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return;
    invariant(
      first.index > this.#committed,
      `append at ${first.index} would replace committed entries (commitIndex ${this.#committed})`,
    );
    const taken = this.#hashes?.append(this.hash(asIndex(first.index - 1)), entries) ?? entries;
    if (first.index <= this.#lastIndex) {
      this.#terms.truncateFrom(first.index);
      // What is before it stays in memory, and what comes next follows it: else all of it would be read back from the disk.
      this.#recent.truncateFrom(first.index);
    }
    for (const entry of taken) this.#terms.append(entry.index, entry.term);
    this.unstable.truncateAndAppend(taken);
    this.#lastIndex = last.index;
    this.#tailFrom = -1;
  }

  commitTo(index: LogIndex): void {
    if (index <= this.#committed) return;
    invariant(
      index <= this.#lastIndex,
      `commit of ${index} is beyond the last index ${this.#lastIndex}: was the log damaged, truncated or lost?`,
    );
    this.#committed = index;
  }

  /** Commits up to `index` if the entry there is of `term`: only the own term's entries are committed by counting (Raft §5.4.2). */
  maybeCommit(index: number, term: Term): boolean {
    if (index <= this.#committed || !Number.isFinite(index)) return false;
    const target = asIndex(index);
    if (this.term(target) !== term) return false;
    this.commitTo(target);
    return true;
  }

  /** Entries from `from` on within the caps; "compacted" if they are gone. Empty only beyond the end. */
  entriesFrom(
    from: LogIndex,
    maxBytes: number,
    maxEntries: number,
  ): readonly Entry[] | "compacted" {
    if (from > this.#lastIndex) return NO_ENTRIES;
    if (from < this.firstIndex) return "compacted";
    if (from < this.unstable.offset) {
      return this.slice(from, asIndex(this.#lastIndex + 1), maxBytes, maxEntries);
    }
    if (this.#tailFrom !== from) {
      this.#tail = this.unstable.slice(from, asIndex(this.#lastIndex + 1));
      this.#tailFrom = from;
    }
    return limitEntries(this.#tail, maxBytes, maxEntries);
  }

  /** Entries in [from, to) within the caps, at least one. Caller ensures from < to ≤ lastIndex + 1. */
  slice(
    from: LogIndex,
    to: LogIndex,
    maxBytes: number,
    maxEntries: number,
  ): readonly Entry[] | "compacted" {
    const offset = this.unstable.offset;
    if (from >= offset) return limitEntries(this.unstable.slice(from, to), maxBytes, maxEntries);
    const cut = to < offset ? to : offset;
    const read =
      this.#recent.slice(from, cut) ?? this.#storage.entries(from, cut, maxBytes, maxEntries);
    if (read === "compacted") return "compacted";
    const stored = limitEntries(read, maxBytes, maxEntries);
    invariant(
      stored[0]?.index === from,
      `storage answered a read at ${from} with an entry at ${stored[0]?.index}`,
    );
    const bytes = entriesBytes(stored);
    if (to <= offset || stored.length < cut - from) return stored;
    if (bytes >= maxBytes || stored.length >= maxEntries) return stored;
    const rest = limitEntries(
      this.unstable.slice(offset, to),
      maxBytes - bytes,
      maxEntries - stored.length,
    );
    // The limit always lets one entry through; as there are some already, this one has to fit.
    if (rest.length === 1 && bytes + entriesBytes(rest) > maxBytes) return stored;
    return [...stored, ...rest];
  }

  /** Entries to hand out for applying now, within the byte cap on what is handed out and not yet applied. */
  nextCommitted(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommitted(allowUnstable)) return NO_ENTRIES;
    const entries = this.slice(
      asIndex(this.#applying + 1),
      asIndex(this.#appliable(allowUnstable) + 1),
      this.#maxApplyingBytes - this.#applyingBytes,
      Number.POSITIVE_INFINITY,
    );
    invariant(
      entries !== "compacted",
      `entry ${this.#applying + 1} was compacted before it was applied`,
    );
    return entries;
  }

  hasNextCommitted(allowUnstable: boolean): boolean {
    // A snapshot that is still to be installed goes first: what it covers must not be applied entry by entry.
    if (this.#applyingPaused || this.unstable.snapshot !== undefined) return false;
    return this.#applying < this.#appliable(allowUnstable);
  }

  /** `entries` were handed out for applying. */
  acceptApplying(entries: readonly Entry[], allowUnstable: boolean): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    const bytes = entriesBytes(entries);
    this.#applying = last.index;
    this.#recent.dropUpTo(last.index);
    this.#applyingBytes += bytes;
    this.#applyingBatches.push({ lastIndex: last.index, bytes, payload: payloadBytes(entries) });
    // Cut short by the cap: the next entry would not fit, so nothing more until something is applied.
    this.#applyingPaused =
      this.#applyingBytes >= this.#maxApplyingBytes || last.index < this.#appliable(allowUnstable);
  }

  /** Everything up to `index` is applied. Returns the payload bytes of the batches that are complete by this. */
  appliedTo(index: LogIndex): number {
    invariant(
      index <= this.#committed && index >= this.#applied,
      `applied ${index} is not within [applied ${this.#applied}, commitIndex ${this.#committed}]`,
    );
    this.#applied = index;
    if (this.#applying < index) this.#applying = index;
    let payload = 0;
    let done = 0;
    for (const batch of this.#applyingBatches) {
      if (batch.lastIndex > index) break;
      this.#applyingBytes -= batch.bytes;
      payload += batch.payload;
      done += 1;
    }
    if (done > 0) this.#applyingBatches.splice(0, done);
    this.#applyingPaused = this.#applyingBytes >= this.#maxApplyingBytes;
    return payload;
  }

  /** Replaces the whole log by a snapshot that a leader sent: nothing of the old log survives at or below it. */
  restore(snapshot: Snapshot): void {
    this.#traces.emit({
      kind: "restoreStarted",
      committed: this.#committed,
      applied: this.#applied,
      applying: this.#applying,
      unstableOffset: this.unstable.offset,
      unstableHandedTo: this.unstable.handedTo,
      unstableCount: this.unstable.count,
      index: snapshot.lastIncludedIndex,
      term: snapshot.lastIncludedTerm,
    });
    this.#committed = snapshot.lastIncludedIndex;
    this.unstable.restore(snapshot);
    this.#recent.clear();
    this.#hashes?.clear();
    this.#terms.reset(snapshot.lastIncludedIndex, snapshot.lastIncludedTerm);
    this.#lastIndex = snapshot.lastIncludedIndex;
    this.#tailFrom = -1;
  }

  /** What storage or a pending installation has; undefined while storage is making one. */
  snapshot(): Snapshot | undefined {
    return this.unstable.snapshot ?? this.#storage.snapshot();
  }

  /**
   * Takes what the disk says at start. What was applied was committed, so the commit index is at least that: neither it nor the order of
   * its writes against those of the applied index matters for safety.
   */
  restoreCommit(commitIndex: LogIndex, applied: LogIndex): void {
    const compactedTo = this.#committed;
    const committed = Math.max(commitIndex, applied, compactedTo);
    invariant(
      committed <= this.#lastIndex,
      `stored commitIndex ${commitIndex} or applied ${applied} is beyond the last index ${this.#lastIndex}: ` +
        "was the log damaged, truncated or lost?",
    );
    this.#committed = asIndex(committed);
    if (applied > compactedTo) {
      this.#applied = applied;
      this.#applying = applied;
    }
  }

  /** The ticket that held everything up to `last` is done. */
  stableTo(last: EntryId): void {
    const released = this.unstable.stableTo(last);
    this.#recent.push(released.filter((entry) => entry.index > this.#applying));
    this.#tailFrom = -1;
  }

  #appliable(allowUnstable: boolean): number {
    return allowUnstable ? this.#committed : Math.min(this.#committed, this.unstable.offset - 1);
  }
}

function failTerm(index: LogIndex): never {
  throw new InvariantError(`the log has no term for its entry ${index}`);
}
