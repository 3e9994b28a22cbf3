import { InvariantError } from "./invariant.ts";
import type { ChainLink, Entry, LogIndex } from "./types.ts";

/** The chain of hashes that goes through a log, as its storage keeps it. */
export interface HashChain {
  /** The hash of an entry behind one whose hash is `previous`. Pure; every hash has the same length. */
  chain(previous: Uint8Array, entry: Entry): Uint8Array;
  /** The hash of a stored entry, or of what is before the first one; a copy. Caller ensures first − 1 ≤ index ≤ last. */
  hashAt(index: LogIndex): Uint8Array;
}

/** The newest hashes, which heartbeats and acknowledgements are about: 4 KiB a log. Older ones are read from storage. */
const NEWEST_MAX = 128;

interface KnownHash {
  readonly index: number;
  readonly hash: Uint8Array;
}

/** The hashes of one log: made once for each entry, when the log takes it. The newest ones are remembered. */
export class ChainHashes {
  readonly #chain: HashChain;
  /** The hash of entry i is in slot i mod `NEWEST_MAX`, if i is in [#first, #end). One run of bytes: no object an entry. */
  #newest = new Uint8Array(0);
  #first = 0;
  #end = 0;
  /** The last one that was read from storage: a follower that is asked about again and again costs one read. */
  #read: KnownHash | undefined;

  constructor(chain: HashChain) {
    this.#chain = chain;
  }

  /** Gives entries their links, behind an entry whose hash is `previous`. */
  link(previous: Uint8Array, entries: readonly Entry[]): readonly Entry[] {
    let previousHash = previous;
    return entries.map((entry) => {
      const { index, term, kind, data } = entry;
      const link: ChainLink = { previousHash, hash: this.#chain.chain(previousHash, entry) };
      previousHash = link.hash;
      return { index, term, kind, data, link };
    });
  }

  /** The log takes these entries in the place of whatever it had from the first of them on. */
  append(previous: Uint8Array | undefined, entries: readonly Entry[]): readonly Entry[] {
    const [first] = entries;
    if (first === undefined) return entries;
    if (previous === undefined)
      throw new InvariantError(`the log has no hash for its entry ${first.index - 1}`);
    const linked = this.link(previous, entries);
    this.#truncateFrom(first.index);
    for (const { index, link } of linked) if (link !== undefined) this.#remember(index, link.hash);
    return linked;
  }

  /** The hash of an entry of the log, `held` where the entry itself is in memory. */
  at(index: LogIndex, held: Entry | undefined): Uint8Array {
    if (index >= this.#first && index < this.#end) return this.#slot(index, this.#newest).slice();
    if (held?.link !== undefined) return held.link.hash;
    if (this.#read?.index !== index) this.#read = { index, hash: this.#chain.hashAt(index) };
    return this.#read.hash;
  }

  clear(): void {
    this.#first = 0;
    this.#end = 0;
    this.#read = undefined;
  }

  #truncateFrom(index: number): void {
    if (index < this.#end) this.#end = Math.max(index, this.#first);
    if (this.#read !== undefined && this.#read.index >= index) this.#read = undefined;
  }

  #remember(index: number, hash: Uint8Array): void {
    if (this.#newest.length === 0) this.#newest = new Uint8Array(NEWEST_MAX * hash.length);
    if (index !== this.#end) this.#first = index;
    this.#slot(index, this.#newest).set(hash);
    this.#end = index + 1;
    this.#first = Math.max(this.#first, this.#end - NEWEST_MAX);
  }

  #slot(index: number, newest: Uint8Array): Uint8Array {
    const bytes = newest.length / NEWEST_MAX;
    const at = (index % NEWEST_MAX) * bytes;
    return newest.subarray(at, at + bytes);
  }
}

export function isSameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, k) => byte === b[k]);
}
