import type { Seq } from "@annals/record";

interface Waiter {
  readonly seq: Seq;
  readonly deadlineMs: number;
  readonly resolve: () => void;
}

/** Readers that wait for a record which is not there yet. Everybody is woken: by the record, by the deadline or by the end. */
export class SeqWaiters {
  #waiters: Waiter[] = [];

  wait(seq: Seq, deadlineMs: number): Promise<void> {
    return new Promise((resolve) => this.#waiters.push({ seq, deadlineMs, resolve }));
  }

  applied(seq: Seq): void {
    this.#wake((waiter) => waiter.seq <= seq);
  }

  expire(nowMs: number): void {
    this.#wake((waiter) => waiter.deadlineMs <= nowMs);
  }

  close(): void {
    this.#wake(() => true);
  }

  #wake(due: (waiter: Waiter) => boolean): void {
    if (!this.#waiters.some(due)) return;
    const woken = this.#waiters.filter(due);
    this.#waiters = this.#waiters.filter((waiter) => !due(waiter));
    for (const waiter of woken) waiter.resolve();
  }
}
