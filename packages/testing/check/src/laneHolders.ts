/**
 * Which holders of lanes a leader has heard of, and when: those that it has to take for alive. Only what was said to the same leader
 * counts: one that has lost its leadership may still listen, and one that has just got it has heard of nobody.
 */
export class LaneHolders {
  readonly #leaseUs: number;
  /** By token: the leader that was spoken to last, and when. */
  readonly #heard = new Map<number, { readonly by: string; readonly atUs: number }>();

  constructor(leaseMs: number) {
    this.#leaseUs = leaseMs * 1000;
  }

  /** The leader `by` has taken a sign of life of the holder of this token. */
  heard(token: number, by: string, atUs: number): void {
    const known = this.#heard.get(token);
    if (known === undefined || known.atUs <= atUs) this.#heard.set(token, { by, atUs });
  }

  /** Whether the leader `by` had heard of the holder less than a lease before. */
  lives(token: number, by: string, atUs: number): boolean {
    const known = this.#heard.get(token);
    return known?.by === by && known.atUs < atUs && atUs - known.atUs < this.#leaseUs;
  }
}
