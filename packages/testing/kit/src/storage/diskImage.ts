import { asIndex, asTerm, NOBODY } from "@annals/raft";
import type { Entry, HardState, LogIndex, MembershipState } from "@annals/raft";
import { asSeq, batchSeqRange, equalBytes, ZERO_HASH } from "@annals/record";
import type { Seq } from "@annals/record";
import type { GroupId, GroupState, ProducerState, StoredEntry, WriteCycle } from "@annals/replica";
import { hashEntry, StorageError } from "@annals/storage";

/** A stored entry with what the log adds up to at its end. */
export interface StoredSlot extends StoredEntry {
  /** Seq of the last record at or below this entry; 0 for none. */
  readonly lastSeq: Seq;
  /** Payload bytes of all entries up to this one. */
  readonly totalBytes: number;
}

/**
 * The stored entries from index 1, as an immutable value. Runs that grow from one another share one array, of which each sees its own
 * length, so a write costs what it adds and not the whole log.
 */
export class StoredRun {
  readonly count: number;
  readonly #shared: StoredSlot[];

  constructor(shared: StoredSlot[] = [], count = 0) {
    this.#shared = shared;
    this.count = count;
  }

  at(index: number): StoredSlot | undefined {
    return index >= 1 && index <= this.count ? this.#shared[index - 1] : undefined;
  }

  get last(): StoredSlot | undefined {
    return this.at(this.count);
  }

  keep(count: number): StoredRun {
    return count >= this.count ? this : new StoredRun(this.#shared, count);
  }

  with(slots: readonly StoredSlot[]): StoredRun {
    if (slots.length === 0) return this;
    const shared =
      this.#shared.length === this.count ? this.#shared : this.#shared.slice(0, this.count);
    for (const slot of slots) shared.push(slot);
    return new StoredRun(shared, shared.length);
  }

  /** The first entry whose last record has this seq or a higher one. */
  indexOfSeq(seq: number): LogIndex | undefined {
    const sought = Math.max(1, seq);
    let low = 1;
    let high = this.count + 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at(middle)?.lastSeq ?? 0) >= sought) high = middle;
      else low = middle + 1;
    }
    return low > this.count ? undefined : asIndex(low);
  }
}

/** What is found in the place of an entry: other bits, zeros from the middle on, nothing, or another entry. */
export const DAMAGES = ["flipped", "zeroed", "missing", "misplaced"] as const;
export type Damage = (typeof DAMAGES)[number];

/** Everything that one log has on disk. Replaced as a whole, never changed. */
export interface DiskImage {
  readonly stored: StoredRun;
  readonly hardState: HardState;
  readonly membership: MembershipState;
  readonly appliedIndex: LogIndex;
  readonly producers: ReadonlyMap<string, ProducerState>;
  readonly groups: ReadonlyMap<GroupId, GroupState>;
  readonly damaged: ReadonlyMap<number, Damage>;
}

/** The disk on which a log with this membership was born. */
export function blankImage(membership: MembershipState): DiskImage {
  return {
    stored: new StoredRun(),
    hardState: { term: asTerm(0), votedFor: NOBODY, commitIndex: asIndex(0) },
    membership,
    appliedIndex: asIndex(0),
    producers: new Map(),
    groups: new Map(),
    damaged: new Map(),
  };
}

/** The disk after the cycle. Throws what the real store throws for a cycle that breaks the contract. */
export function nextImage(image: DiskImage, cycle: WriteCycle): DiskImage {
  const stored = nextRun(image, cycle.entries);
  const hardState = cycle.hardState ?? image.hardState;
  if (hardState.term < image.hardState.term) throw misuse("term falls");
  if (hardState.commitIndex < image.hardState.commitIndex) throw misuse("commit index falls");
  if (hardState.commitIndex > stored.count) throw misuse("commit index > last index");
  const appliedIndex = cycle.applied?.appliedIndex ?? image.appliedIndex;
  if (appliedIndex < image.appliedIndex) throw misuse("applied index falls");
  if (appliedIndex > hardState.commitIndex) throw misuse("applied index > commit index");
  const membership = cycle.applied?.membership ?? image.membership;
  const producers = changed(image.producers, cycle.applied?.producers);
  const groups = changed(image.groups, cycle.applied?.groups);
  const { damaged } = image;
  return { stored, hardState, membership, appliedIndex, producers, groups, damaged };
}

function nextRun(image: DiskImage, entries: readonly Entry[]): StoredRun {
  const first = entries[0]?.index;
  if (first === undefined) return image.stored;
  if (first <= image.hardState.commitIndex)
    throw misuse(`truncating from ${first} at commit index ${image.hardState.commitIndex}`);
  const kept = image.stored.keep(first - 1);
  const slots: StoredSlot[] = [];
  let previous = kept.last;
  for (const entry of entries) {
    if (entry.index !== kept.count + slots.length + 1)
      throw misuse(`entry ${entry.index} leaves a gap`);
    previous = nextSlot(previous, entry);
    slots.push(previous);
  }
  return kept.with(slots);
}

/** The slot of an entry behind `previous`. Throws for one that cannot be there. */
export function nextSlot(previous: StoredSlot | undefined, entry: Entry): StoredSlot {
  if (previous !== undefined && entry.term < previous.entry.term)
    throw misuse(`entry ${entry.index} falls back to term ${entry.term}`);
  let lastSeq = previous?.lastSeq ?? asSeq(0);
  if (entry.kind === "records") {
    const range = batchSeqRange(entry.data);
    if (range.firstSeq !== lastSeq + 1)
      throw misuse(`the batch in entry ${entry.index} leaves a gap`);
    lastSeq = range.lastSeq;
  }
  const { index, term, kind } = entry;
  const stored = { index, term, kind, data: new Uint8Array(entry.data) };
  const hash = hashEntry(previous?.hash ?? ZERO_HASH, stored);
  if (entry.link !== undefined && !equalBytes(entry.link.hash, hash))
    throw misuse(`entry ${index} comes with a hash that is not its own`);
  const totalBytes = (previous?.totalBytes ?? 0) + stored.data.length;
  return { entry: stored, hash, lastSeq, totalBytes };
}

function changed<Id, State>(
  states: ReadonlyMap<Id, State>,
  changes: ReadonlyMap<Id, State | undefined> | undefined,
): ReadonlyMap<Id, State> {
  if (changes === undefined || changes.size === 0) return states;
  const next = new Map(states);
  for (const [id, state] of changes) {
    if (state === undefined) next.delete(id);
    else next.set(id, state);
  }
  return next;
}

function misuse(text: string): StorageError {
  return new StorageError("ERR_STORAGE_MISUSE", text);
}
