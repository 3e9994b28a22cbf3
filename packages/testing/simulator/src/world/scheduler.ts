interface Scheduled {
  readonly timeUs: number;
  /** Breaks ties: what was scheduled first runs first. */
  readonly order: number;
  readonly action: () => void;
}

/** Simulated time, in whole microseconds from the start: a heap of what is still to happen. Time passes only from one event to the next. */
export class Scheduler {
  readonly #heap: Scheduled[] = [];
  #nowUs = 0;
  #order = 0;

  get nowUs(): number {
    return this.#nowUs;
  }

  get waiting(): number {
    return this.#heap.length;
  }

  at(timeUs: number, action: () => void): void {
    const scheduled = { timeUs: Math.max(timeUs, this.#nowUs), order: this.#order++, action };
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(scheduled);
    while (hole > 0) {
      const parent = (hole - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(scheduled, above)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = scheduled;
  }

  after(delayUs: number, action: () => void): void {
    this.at(this.#nowUs + delayUs, action);
  }

  /** Runs the next event; false if there is none. */
  runNext(): boolean {
    const next = this.#heap[0];
    if (next === undefined) return false;
    this.#removeTop();
    this.#nowUs = next.timeUs;
    next.action();
    return true;
  }

  #removeTop(): void {
    const heap = this.#heap;
    const moved = heap.pop();
    if (moved === undefined || heap.length === 0) return;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      let lower = heap[child];
      const right = heap[child + 1];
      if (lower === undefined) break;
      if (right !== undefined && isBefore(right, lower)) {
        lower = right;
        child++;
      }
      if (!isBefore(lower, moved)) break;
      heap[hole] = lower;
      hole = child;
    }
    heap[hole] = moved;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.timeUs < b.timeUs || (a.timeUs === b.timeUs && a.order < b.order);
}
