import type { Term } from "@annals/raft";
import { equalBytes } from "@annals/record";
import type { Seq } from "@annals/record";
import type { StoredSlot } from "@annals/kit";

export interface CommittedEntry {
  readonly slot: StoredSlot;
  /** Term of the replica that was first seen to have applied it; the entry was committed in this term or before. */
  readonly atTerm: Term;
}

/** The one true log: what anybody was ever seen to have applied. The chain hash of an entry speaks for everything below it. */
export class CommittedLog {
  readonly #entries: CommittedEntry[] = [];

  get count(): number {
    return this.#entries.length;
  }

  get lastSeq(): number {
    return this.#entries.at(-1)?.slot.lastSeq ?? 0;
  }

  at(index: number): CommittedEntry | undefined {
    return this.#entries[index - 1];
  }

  /** Index must be the next one. */
  add(slot: StoredSlot, atTerm: Term): void {
    this.#entries.push({ slot, atTerm });
  }

  /** Whether `slot` is the committed entry of its index, with the committed history below it. */
  agrees(slot: StoredSlot): boolean {
    const own = this.at(slot.entry.index);
    return own !== undefined && equalBytes(own.slot.hash, slot.hash);
  }

  /** The entry with the record of this seq. */
  entryOfSeq(seq: Seq | number): CommittedEntry | undefined {
    let low = 1;
    let high = this.count + 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at(middle)?.slot.lastSeq ?? 0) >= seq) high = middle;
      else low = middle + 1;
    }
    return this.at(low);
  }

  /** The last entry that was committed before `term`. */
  lastBefore(term: Term): CommittedEntry | undefined {
    return this.#entries.findLast(({ atTerm }) => atTerm < term);
  }
}
