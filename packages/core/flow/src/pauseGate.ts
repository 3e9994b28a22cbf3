/** Is told of every hold, beyond the life of its gate. */
export interface PauseListener {
  paused(reason: string): void;
}

/** Releases one hold. Idempotent. */
export type Release = () => void;

/**
 * Stops a source while anybody holds a reason against it. Reasons are named, so that a stuck pause can be read from the status, and each
 * hold is released exactly once however often its release is called. `close` releases everything: no pause outlives its link.
 *
 * Rule for holders: never hold while waiting for something that only a later item of the paused source can bring.
 */
export class PauseGate {
  readonly #holds = new Map<string, number>();
  readonly #pauses = new Map<string, number>();
  readonly #pause: () => void;
  readonly #resume: () => void;
  readonly #listener: PauseListener | undefined;
  #closed = false;

  /** `pause` runs when the first hold begins, `resume` when the last one ends; not after `close`. */
  constructor(pause: () => void, resume: () => void, listener?: PauseListener) {
    this.#pause = pause;
    this.#resume = resume;
    this.#listener = listener;
  }

  hold(reason: string): Release {
    if (this.#closed) return () => {};
    const first = this.#holds.size === 0;
    this.#holds.set(reason, (this.#holds.get(reason) ?? 0) + 1);
    this.#pauses.set(reason, (this.#pauses.get(reason) ?? 0) + 1);
    this.#listener?.paused(reason);
    if (first) this.#pause();
    let released = false;
    return () => {
      if (released || this.#closed) return;
      released = true;
      this.#release(reason);
    };
  }

  #release(reason: string): void {
    const count = this.#holds.get(reason) ?? 0;
    if (count > 1) this.#holds.set(reason, count - 1);
    else this.#holds.delete(reason);
    if (this.#holds.size === 0) this.#resume();
  }

  get paused(): boolean {
    return this.#holds.size > 0;
  }

  /** The reasons held now, with how often each is held. */
  reasons(): ReadonlyMap<string, number> {
    return new Map(this.#holds);
  }

  /** How often each reason was ever taken. */
  counts(): ReadonlyMap<string, number> {
    return new Map(this.#pauses);
  }

  /** Drops every hold without resuming: the source is gone. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#holds.clear();
  }
}
