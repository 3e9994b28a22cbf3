import { entryBytes } from "@annals/raft";
import type { AppendEntries, LogIndex } from "@annals/raft";

/** Why a leader sent less at a time than it had: a limit on one message, or the follower gave no more credit. */
export type CutReason = "entries" | "bytes" | "credit";

/** How often a value was at most so much, by that bound, as text; `+Inf` counts all. */
export interface Distribution {
  readonly upTo: Readonly<Record<string, number>>;
  readonly sum: number;
}

/** What one stream has sent. */
export interface StreamReading {
  readonly cuts: Readonly<Record<CutReason, number>>;
  /** Entries of an AppendEntries that has some. */
  readonly entries: Distribution;
  /** Their bytes, as the limit counts them. */
  readonly bytes: Distribution;
}

export interface MessageLimits {
  /** `replication.append.maxEntries` */
  readonly maxEntries: number;
  /** `replication.append.maxBytes` */
  readonly maxBytes: number;
}

const ENTRIES_UP_TO = [1, 4, 16, 64, 256, 1024, 4096, 16_384];
const BYTES_UP_TO = [10, 12, 14, 16, 18, 20, 22, 24, 26, 28].map((power) => 2 ** power);

class Counts {
  readonly #upTo: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(upTo: readonly number[]) {
    this.#upTo = upTo;
    this.#counts = [...upTo, Number.POSITIVE_INFINITY].map(() => 0);
  }

  add(value: number): void {
    const found = this.#upTo.findIndex((bound) => value <= bound);
    const at = found < 0 ? this.#upTo.length : found;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  read(): Distribution {
    let below = 0;
    const rows = this.#counts.map((count, k): [string, number] => {
      below += count;
      return [String(this.#upTo[k] ?? "+Inf"), below];
    });
    return { upTo: Object.fromEntries(rows), sum: this.#sum };
  }
}

/** Counts what goes to one follower, over all its links. Which limit binds is read from here, before anybody turns a knob. */
export class StreamFigures {
  readonly #limits: MessageLimits;
  readonly #cuts = { entries: 0, bytes: 0, credit: 0 };
  readonly #entries = new Counts(ENTRIES_UP_TO);
  readonly #bytes = new Counts(BYTES_UP_TO);
  /** The message before, if it had entries. */
  #last: { readonly index: LogIndex; readonly entries: number; readonly bytes: number } | undefined;

  constructor(limits: MessageLimits) {
    this.#limits = limits;
  }

  /** A message that goes on where the last one ended shows what ended that one. */
  message({ prevLogIndex, entries }: AppendEntries): void {
    const [first] = entries;
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return;
    if (this.#last?.index === prevLogIndex) this.#ended(this.#last, entryBytes(first));
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    this.#entries.add(entries.length);
    this.#bytes.add(bytes);
    this.#last = { index: last.index, entries: entries.length, bytes };
  }

  /** What is queued waits for the follower to let go of something. */
  outOfCredit(): void {
    this.#cuts.credit++;
  }

  read(): StreamReading {
    return {
      cuts: { ...this.#cuts },
      entries: this.#entries.read(),
      bytes: this.#bytes.read(),
    };
  }

  #ended({ entries, bytes }: { entries: number; bytes: number }, next: number): void {
    const { maxEntries, maxBytes } = this.#limits;
    if (entries >= maxEntries) this.#cuts.entries++;
    else if (bytes + next > maxBytes) this.#cuts.bytes++;
  }
}
