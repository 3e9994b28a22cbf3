import { equalBytes } from "@annals/record";

/**
 * How many of so many other members must have committed other entries in the place of ours before that is believed: a majority of the
 * cluster without this node. One peer may be mistaken, and a disk that is given up has to be replaced by just that majority, so with fewer
 * there would be nothing gained. A single other member is never enough: it can commit nothing without this one.
 */
export function witnessesNeeded(others: number): number {
  return Math.floor((others + 1) / 2) + 1;
}

/** What peers have committed in the place of a damaged run, by the chain hash in which it ends there. */
export class Witnesses<Peer> {
  readonly #heads = new Map<Peer, Uint8Array>();

  /** The word of one peer; what it said earlier does not count any more. */
  hear(peer: Peer, head: Uint8Array): void {
    this.#heads.set(peer, head);
  }

  /** The most peers that say the same: where two differ, one is mistaken. */
  get agreeing(): number {
    const heads = [...this.#heads.values()];
    const counts = heads.map((head) => heads.filter((other) => equalBytes(head, other)).length);
    return Math.max(0, ...counts);
  }
}
