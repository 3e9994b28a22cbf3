import { createHash } from "node:crypto";
import type { StoredRecord } from "@annals/client";
import type { Held } from "./sink.ts";
import { valueHash } from "./valueHash.ts";

/**
 * `missing`: the log has it, the sink has not. `different`: both have it, with other content. `extra`: the log has it not. `repeated`: the
 * sink has it more than once.
 */
export interface Difference {
  readonly seq: number;
  readonly kind: "missing" | "different" | "extra" | "repeated";
  readonly note?: string;
}

/** One side: how many records, and a SHA-256 over their seqs and values, in hex. */
export interface Tally {
  readonly count: number;
  readonly hash: string;
}

export interface Comparison {
  readonly from: number;
  readonly to: number;
  readonly log: Tally;
  readonly sink: Tally;
  /** Dead letters, which the sink does not have and need not. */
  readonly letters: number;
  readonly differences: number;
  /** The first of them, by seq as far as they were found so. */
  readonly first: readonly Difference[];
}

/** What is compared: both sides answer for a stretch of seqs, or for its beginning. */
export interface Sides {
  readonly from: number;
  readonly to: number;
  /** Records that the sink has to have, and up to which seq these are all. */
  readonly read: (
    from: number,
    to: number,
  ) => Promise<{ readonly to: number; readonly records: readonly StoredRecord[] }>;
  readonly held: (
    from: number,
    to: number,
  ) => Promise<{ readonly to: number; readonly held: readonly Held[] }>;
  /** Seqs of dead letters. */
  readonly letters: ReadonlySet<number>;
}

/** Seqs of one stretch. */
const STRETCH = 1_000;
/** Differences that are named; the others are counted. */
const NAMED_MAX = 100;

/** Compares what a sink holds with its log, stretch by stretch: what is held of either is one stretch. */
export async function compareSides({ from, to, read, held, letters }: Sides): Promise<Comparison> {
  const log = new Side();
  const sink = new Side();
  const found = new Differences();
  let excused = 0;
  for (let at = from; at <= to; ) {
    const asked = await held(at, Math.min(to, at + STRETCH - 1));
    const page = await read(at, asked.to);
    const end = Math.min(asked.to, page.to);
    const wanted = new Map<number, string>();
    for (const record of page.records) {
      if (record.seq > end) continue;
      if (letters.has(record.seq)) excused++;
      else wanted.set(record.seq, valueHash(record));
    }
    const here = asked.held.filter(({ seq }) => seq <= end);
    for (const [seq, hash] of wanted) log.add(seq, hash);
    for (const { seq, hash } of here.toSorted((a, b) => a.seq - b.seq)) sink.add(seq, hash);
    found.take(at, wanted, here, letters);
    at = end + 1;
  }
  const { count: differences, first } = found;
  return { from, to, log: log.tally(), sink: sink.tally(), letters: excused, differences, first };
}

class Differences {
  count = 0;
  readonly first: Difference[] = [];

  take(
    from: number,
    wanted: ReadonlyMap<number, string>,
    held: readonly Held[],
    letters: ReadonlySet<number>,
  ): void {
    const here: Difference[] = [];
    const seen = new Set<number>();
    for (const { seq, hash, note } of held) {
      const should = wanted.get(seq);
      const noted = note === undefined ? {} : { note };
      if (seen.has(seq) || seq < from) here.push({ seq, kind: "repeated", ...noted });
      // A letter that was written after all.
      else if (should === undefined && !letters.has(seq))
        here.push({ seq, kind: "extra", ...noted });
      else if (should !== undefined && should !== hash)
        here.push({ seq, kind: "different", ...noted });
      seen.add(seq);
    }
    for (const seq of wanted.keys()) if (!seen.has(seq)) here.push({ seq, kind: "missing" });
    for (const one of here.toSorted((a, b) => a.seq - b.seq)) {
      this.count++;
      if (this.first.length < NAMED_MAX) this.first.push(one);
    }
  }
}

class Side {
  #count = 0;
  readonly #hash = createHash("sha256");

  add(seq: number, hash: string): void {
    this.#count++;
    this.#hash.update(`${seq} ${hash}\n`);
  }

  tally(): Tally {
    return { count: this.#count, hash: this.#hash.digest("hex") };
  }
}
