/** A page that was sent: so many records in this range of seqs, both included. */
interface SentPage {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Counts the records that a subscription was sent and has not acknowledged. Holds at most one element a record. */
export class UnackedPages {
  #pages: SentPage[] = [];
  #records = 0;

  get records(): number {
    return this.#records;
  }

  /** Pages come in order. */
  add(page: SentPage): void {
    this.#pages.push(page);
    this.#records += page.count;
  }

  /**
   * Everything up to `seq` is acknowledged. Of a page with gaps it is not known here which seqs it has: it is acknowledged as a whole, by
   * the end of its range.
   */
  ack(seq: number): void {
    const done = this.#pages.findIndex(({ to }) => to > seq);
    const kept = done < 0 ? [] : this.#pages.slice(done);
    const [first] = kept;
    if (first !== undefined && first.from <= seq && first.count === first.to - first.from + 1)
      kept[0] = { from: seq + 1, to: first.to, count: first.to - seq };
    this.#pages = kept;
    this.#records = kept.reduce((sum, { count }) => sum + count, 0);
  }
}
