import type { Page, StoredRecord } from "@annals/client";
import type { Report } from "@annals/check";
import { idOf } from "./history.ts";

/** What readers were shown: without gaps, never one thing and then another, and as new as was promised. */
export class ReadLedger {
  readonly #report: Report;
  /** By seq: who was shown there. */
  readonly #shown = new Map<number, string>();
  #pages = 0;
  #failures = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  get pages(): number {
    return this.#pages;
  }

  get failures(): number {
    return this.#failures;
  }

  /** A read from `from` on that must show everything up to `promised`. */
  page(from: number, page: Page, promised: number): void {
    this.#pages++;
    this.records(from, page.items);
    const last = from + page.items.length - 1;
    const most = Math.max(last, page.covered.to);
    if (!page.more && most < promised)
      this.#report(
        "reads are current",
        `a read from ${from} ends at ${most}, ${promised} was acknowledged before it began`,
      );
    if (page.covered.from !== from || (page.items.length > 0 && page.covered.to !== last))
      this.#report(
        "reads are gap-free",
        `a read from ${from} says that it covers ${page.covered.from}–${page.covered.to} and shows ${page.items.length} records`,
      );
  }

  /** Records that a node showed from `from` on. */
  records(from: number, items: readonly StoredRecord[]): void {
    for (const [k, record] of items.entries()) {
      if (record.seq !== from + k) {
        this.#report("reads are gap-free", `seq ${record.seq} is shown where ${from + k} belongs`);
        return;
      }
      this.shown(record.seq, nameOf(record));
    }
  }

  /** `name` stands at `seq`. */
  shown(seq: number, name: string): void {
    const before = this.#shown.get(seq);
    if (before === undefined) this.#shown.set(seq, name);
    else if (before !== name)
      this.#report("reads are stable", `seq ${seq} was ${before}, and then ${name}`);
  }

  failed(): void {
    this.#failures++;
  }
}

export function nameOf(record: { readonly data?: unknown }): string {
  const { request, position } = idOf(record);
  return `record ${position} of request ${request}`;
}
