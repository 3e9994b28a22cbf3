/** What is wrong with one direction between two nodes. Absent: nothing. */
export interface Impairment {
  /** Nothing arrives, nothing is lost either: TCP repeats it until it is healed or somebody gives up. */
  readonly stalled?: true;
  /** Milliseconds by which everything comes later. */
  readonly delayMs?: number;
  readonly bytesPerSecond?: number;
  /** Chance that a piece is lost, which TCP turns into a wait for its repetition. */
  readonly loss?: number;
}

/** The state of one direction between two nodes, whatever connections it has: all faults that lie on it now. */
export class Direction {
  readonly #impairments = new Set<Impairment>();
  readonly #listeners = new Set<() => void>();
  #stalled = false;
  #delayMs = 0;
  #bytesPerSecond = Number.POSITIVE_INFINITY;
  #loss = 0;
  #touched = 0;

  /** How many pieces and handshakes have met an impairment: proof that it did something. */
  get touched(): number {
    return this.#touched;
  }

  /** Something goes this way now. */
  pass(): void {
    if (this.#impairments.size > 0) this.#touched++;
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  /** The sum of all delays. */
  get delayMs(): number {
    return this.#delayMs;
  }

  /** The narrowest of all. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  get loss(): number {
    return this.#loss;
  }

  /** Returns what takes exactly this impairment away again. */
  impair(impairment: Impairment): () => void {
    const own = { ...impairment };
    this.#impairments.add(own);
    this.#changed();
    return () => {
      if (this.#impairments.delete(own)) this.#changed();
    };
  }

  clear(): void {
    this.#impairments.clear();
    this.#changed();
  }

  /** Returns what ends the listening. */
  listen(onChange: () => void): () => void {
    this.#listeners.add(onChange);
    return () => this.#listeners.delete(onChange);
  }

  #changed(): void {
    const all = [...this.#impairments];
    this.#stalled = all.some((one) => one.stalled === true);
    this.#delayMs = all.reduce((sum, one) => sum + (one.delayMs ?? 0), 0);
    this.#bytesPerSecond = Math.min(
      ...all.map((one) => one.bytesPerSecond ?? Number.POSITIVE_INFINITY),
    );
    this.#loss = Math.max(0, ...all.map((one) => one.loss ?? 0));
    for (const listener of this.#listeners) listener();
  }
}
