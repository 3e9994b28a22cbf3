/** What a bounded thing holds now, held at most, and may hold. Shown in the status; checked by the simulator. */
export interface GaugeReading {
  readonly current: number;
  readonly peak: number;
  readonly cap: number;
}

/** Is told of every change of a gauge. */
export interface GaugeListener {
  moved(amount: number, held: number): void;
}

/**
 * Counts one resource against its cap with hysteresis: `full` once the cap is reached, and again open only when drained to half, so a
 * producer is not stopped and started for every item. The item that crosses the cap is still admitted: cap + one item is the bound.
 */
export class Gauge {
  readonly cap: number;
  readonly #listener: GaugeListener | undefined;
  #current = 0;
  #peak = 0;
  #full = false;

  /** Throws a RangeError for a cap below 1: it would stop the flow for good. */
  constructor(cap: number, listener?: GaugeListener) {
    if (!(cap >= 1)) throw new RangeError(`a cap must be ≥ 1, got ${cap}`);
    this.cap = cap;
    this.#listener = listener;
  }

  add(amount: number): void {
    this.#current += amount;
    this.#peak = Math.max(this.#peak, this.#current);
    if (this.#current >= this.cap) this.#full = true;
    this.#listener?.moved(amount, this.#current);
  }

  /** Throws when more is given back than was taken: an accounting bug that would unbound the queue. */
  remove(amount: number): void {
    if (amount > this.#current) throw new RangeError(`${amount} given back of ${this.#current}`);
    this.#current -= amount;
    if (this.#current <= Math.floor(this.cap / 2)) this.#full = false;
    this.#listener?.moved(-amount, this.#current);
  }

  /** For what is looked at rather than counted, such as the buffer of a socket: it holds so much now. */
  set(amount: number): void {
    if (amount > this.#current) this.add(amount - this.#current);
    else this.remove(this.#current - amount);
  }

  /** Whether the producer should wait. */
  get full(): boolean {
    return this.#full;
  }

  get current(): number {
    return this.#current;
  }

  read(): GaugeReading {
    return { current: this.#current, peak: this.#peak, cap: this.cap };
  }
}
