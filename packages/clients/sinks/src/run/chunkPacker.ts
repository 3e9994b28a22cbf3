import type { Chunk, SinkCursor } from "../sink.ts";
import { SinkError } from "../sinkError.ts";

/** A record and what its sink makes of it. */
export interface PlannedRecord<Mutation> {
  readonly seq: number;
  /** See `SinkCursor.recordHash`. */
  readonly hash: string;
  readonly mutations: readonly Mutation[];
}

/** What one transaction may carry, each ≥ 1. One mutation with more bytes travels alone. */
export interface ChunkCaps {
  readonly items: number;
  readonly bytes: number;
  /** Records that end in it: bounds those that change nothing, and isolates one that cannot be written. */
  readonly records: number;
}

export interface PackedChunk<Mutation> extends Chunk<Mutation> {
  readonly expected: SinkCursor;
  /** Of the records that it touches, whole or in part; more than one only if all of them end in it. */
  readonly seqs: readonly number[];
}

/**
 * Packs the records behind `start` into chunks, in order and without a gap. A record is split only if it is too large for a chunk; then
 * `part` counts those of its mutations that are done. `caps` is asked anew for every chunk, so that the sizes follow what the sink bears.
 */
export function* packChunks<Mutation>(
  records: Iterable<PlannedRecord<Mutation>>,
  start: SinkCursor,
  caps: () => ChunkCaps,
  weigh: (mutation: Mutation) => number,
): Generator<PackedChunk<Mutation>, void> {
  let open = new OpenChunk<Mutation>(start, checked(caps()));
  for (const { seq, hash, mutations } of records) {
    const done = open.next.part;
    if (done > mutations.length) throw planChanged(seq, done, mutations.length);
    const rest = mutations.slice(done);
    const weights = rest.map(weigh);
    const bytes = weights.reduce((sum, weight) => sum + weight, 0);
    // The tail of a split record begins the chunk anyway: only whole records are moved to the next one.
    if (!open.fits(rest.length, bytes)) {
      yield open.close();
      open = new OpenChunk(open.next, checked(caps()));
    }
    for (const [k, mutation] of rest.entries()) {
      const weight = weights[k] ?? 0;
      if (!open.fits(1, weight)) {
        yield open.close();
        open = new OpenChunk(open.next, checked(caps()));
      }
      open.add(seq, mutation, weight, done + k + 1);
    }
    open.endRecord(seq, hash, mutations.length > 0);
    if (open.isFullOfRecords) {
      yield open.close();
      open = new OpenChunk(open.next, checked(caps()));
    }
  }
  if (!open.isEmpty) yield open.close();
}

class OpenChunk<Mutation> {
  readonly #expected: SinkCursor;
  readonly #caps: ChunkCaps;
  readonly #mutations: Mutation[] = [];
  readonly #seqs: number[] = [];
  #records = 0;
  #bytes = 0;
  #next: SinkCursor;

  constructor(expected: SinkCursor, caps: ChunkCaps) {
    this.#expected = expected;
    this.#next = expected;
    this.#caps = caps;
  }

  get next(): SinkCursor {
    return this.#next;
  }

  get isEmpty(): boolean {
    return this.#seqs.length === 0;
  }

  get isFullOfRecords(): boolean {
    return this.#records >= this.#caps.records;
  }

  /** Whatever fits into no chunk fits into an empty one. */
  fits(items: number, bytes: number): boolean {
    if (this.isEmpty) return true;
    const { items: itemsMax, bytes: bytesMax } = this.#caps;
    return this.#mutations.length + items <= itemsMax && this.#bytes + bytes <= bytesMax;
  }

  add(seq: number, mutation: Mutation, bytes: number, part: number): void {
    this.#touch(seq);
    this.#mutations.push(mutation);
    this.#bytes += bytes;
    this.#next = { ...this.#next, part };
  }

  endRecord(seq: number, recordHash: string, isWritten: boolean): void {
    this.#touch(seq);
    this.#records++;
    const anchor = isWritten ? seq : this.#next.anchor;
    this.#next = { ...this.#next, seq, part: 0, recordHash, anchor };
  }

  close(): PackedChunk<Mutation> {
    return {
      expected: this.#expected,
      next: this.#next,
      mutations: this.#mutations,
      records: this.#records,
      bytes: this.#bytes,
      seqs: this.#seqs,
    };
  }

  #touch(seq: number): void {
    if (this.#seqs.at(-1) !== seq) this.#seqs.push(seq);
  }
}

function checked(caps: ChunkCaps): ChunkCaps {
  for (const [name, cap] of Object.entries(caps))
    if (!(cap >= 1)) throw new RangeError(`a chunk of at most ${cap} ${name}: at least 1`);
  return caps;
}

function planChanged(seq: number, done: number, now: number): SinkError {
  return new SinkError(
    "ERR_SINK_PLAN",
    `${done} mutations of record ${seq} are written, and now its plan has ${now}: it depends on more than the record`,
  );
}
