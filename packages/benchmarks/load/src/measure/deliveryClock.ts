import { Latencies } from "./latencies.ts";
import type { LatencySummary } from "./latencies.ts";

const PAGES_MAX = 8_192;
const WAITING_MAX = 262_144;

/**
 * From when a request was due until its last record was at a consumer. The acknowledgement, which alone tells the seq, comes before the
 * delivery or after it, so the last pages are remembered.
 */
export class DeliveryClock {
  readonly #latencies = new Latencies();
  /** `to` of each page, rising, and when it came. */
  #pages: { readonly to: number; readonly atMs: number }[] = [];
  /** Acknowledged and not delivered, by last seq, rising but for a few, which wait for the one ahead; those before `#head` are done. */
  #waiting: { readonly seq: number; readonly dueMs: number }[] = [];
  #head = 0;
  /** Not counted: delivered longer ago than is remembered, or one too many to wait for. */
  missed = 0;

  acknowledged(seq: number, dueMs: number): void {
    const delivered = this.#pages.at(-1)?.to ?? 0;
    if (seq <= delivered) {
      const before = this.#pages.findLastIndex(({ to }) => to < seq);
      const page = this.#pages[before + 1];
      if (before >= 0 && page !== undefined) this.#latencies.add(page.atMs - dueMs);
      else this.missed++;
    } else if (this.#waiting.length - this.#head < WAITING_MAX) this.#waiting.push({ seq, dueMs });
    else this.missed++;
  }

  /** Everything up to `to` has come; at first, what was there before. */
  delivered(to: number, atMs: number): void {
    this.#pages.push({ to, atMs });
    if (this.#pages.length > PAGES_MAX) this.#pages = this.#pages.slice(PAGES_MAX / 2);
    for (; this.#head < this.#waiting.length; this.#head++) {
      const one = this.#waiting[this.#head];
      if (one === undefined || one.seq > to) break;
      this.#latencies.add(atMs - one.dueMs);
    }
    if (this.#head < PAGES_MAX) return;
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }

  summary(): LatencySummary {
    return this.#latencies.summary();
  }
}
