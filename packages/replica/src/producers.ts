import type { LogIndex } from "@annals/raft";
import { AnnalsError, asSeq } from "@annals/record";
import type { BatchHeader, ProducerStamp, Seq } from "@annals/record";
import type { ProducerAnswer, ProducerState } from "./ports.ts";

/** Requests of one producer whose answers are kept; a producer may have as many in flight. */
export const PRODUCER_WINDOW = 16;

/** What a stamped request means to this log. */
export type ProducerVerdict =
  | { readonly kind: "new" }
  /** Everything is in the log already: this was the answer. */
  | { readonly kind: "repeat"; readonly answer: ProducerAnswer }
  /** A change of leader cut the request: its first `count` records are in the log, the rest is still to be appended. */
  | { readonly kind: "resume"; readonly answer: ProducerAnswer };

function refused(
  code: `ERR_${string}`,
  message: string,
  details: Record<string, unknown>,
): AnnalsError {
  return new AnnalsError(code, message, { details });
}

/**
 * Makes appends exactly once: for each producer, its epoch and its latest requests with their answers. A deterministic function of the
 * applied entries, so all replicas agree on it; its state is stored in the transaction that stores the applied index.
 *
 * `reserved` is the leader's look ahead: stamps that were admitted and are not applied yet.
 */
export class ProducerTable {
  readonly #maxProducers: number;
  /** In the order of `lastIndex`: the first one was silent longest. */
  readonly #states: Map<string, ProducerState>;
  readonly #reserved = new Map<string, { readonly epoch: number; readonly sequence: number }>();
  #changed = new Map<string, ProducerState | undefined>();

  constructor(maxProducers: number, stored: ReadonlyMap<string, ProducerState>) {
    this.#maxProducers = maxProducers;
    this.#states = new Map([...stored].toSorted(([, a], [, b]) => a.lastIndex - b.lastIndex));
  }

  get(id: string): ProducerState | undefined {
    return this.#states.get(id);
  }

  get size(): number {
    return this.#states.size;
  }

  /**
   * Judges a request of `count` records; throws a coded error when the stamp does not fit: a newer epoch is at work, a request before it
   * is missing, or its answer is forgotten. Never guesses: a repeat that cannot be answered is refused, not stored twice.
   */
  judge(stamp: ProducerStamp, count: number): ProducerVerdict {
    const state = this.#states.get(stamp.id);
    const latest = this.#latest(stamp.id, state);
    const details = { producer: stamp.id, epoch: stamp.epoch, sequence: stamp.sequence, ...latest };
    if (latest === undefined || stamp.epoch > latest.epoch) {
      if (stamp.sequence === 1) return { kind: "new" };
      throw refused(
        "ERR_PRODUCER_UNKNOWN",
        `no request 1 of producer "${stamp.id}" in epoch ${stamp.epoch} is known: begin a new epoch with sequence 1`,
        details,
      );
    }
    if (stamp.epoch < latest.epoch) {
      throw refused(
        "ERR_PRODUCER_FENCED",
        `producer "${stamp.id}" has begun epoch ${latest.epoch}`,
        details,
      );
    }
    if (stamp.sequence === latest.sequence + 1) return { kind: "new" };
    if (stamp.sequence > latest.sequence) {
      throw refused(
        "ERR_PRODUCER_GAP",
        `the next request of producer "${stamp.id}" is ${latest.sequence + 1}, got ${stamp.sequence}`,
        details,
      );
    }
    const answer = state?.recent.find((one) => one.sequence === stamp.sequence);
    if (answer === undefined || state?.epoch !== stamp.epoch) {
      throw refused(
        "ERR_PRODUCER_EXPIRED",
        `request ${stamp.sequence} of producer "${stamp.id}" is too old to be recognised (window ${PRODUCER_WINDOW})`,
        details,
      );
    }
    return answer.count < count ? { kind: "resume", answer } : { kind: "repeat", answer };
  }

  #latest(
    id: string,
    state: ProducerState | undefined,
  ): { epoch: number; sequence: number } | undefined {
    const reserved = this.#reserved.get(id);
    if (reserved !== undefined) return reserved;
    const last = state?.recent.at(-1);
    return state === undefined || last === undefined
      ? undefined
      : { epoch: state.epoch, sequence: last.sequence };
  }

  /** Remembers an admitted new request until `forgetReserved`, so that the next one in line is judged against it. */
  reserve(stamp: ProducerStamp): void {
    this.#reserved.set(stamp.id, { epoch: stamp.epoch, sequence: stamp.sequence });
  }

  /** A leadership ended: what was admitted and not applied may or may not come. */
  forgetReserved(): void {
    this.#reserved.clear();
  }

  /** Applies one committed batch. Parts of one request carry the same stamp and add up. */
  apply(index: LogIndex, header: BatchHeader): void {
    let firstSeq: number = header.firstSeq;
    for (const { count, producer } of header.requests) {
      if (producer !== undefined) this.#applyOne(index, producer, asSeq(firstSeq), count);
      firstSeq += count;
    }
  }

  #applyOne(index: LogIndex, stamp: ProducerStamp, firstSeq: Seq, count: number): void {
    const state = this.#states.get(stamp.id);
    const recent = state !== undefined && state.epoch === stamp.epoch ? state.recent : [];
    const lastSeq = asSeq(firstSeq + count - 1);
    // Not only the latest: a request that a change of leader cut may be finished after later ones were let in.
    const known = recent.some(({ sequence }) => sequence === stamp.sequence);
    const next = known
      ? recent.map((answer) =>
          answer.sequence === stamp.sequence
            ? { ...answer, lastSeq, count: answer.count + count }
            : answer,
        )
      : [...recent, { sequence: stamp.sequence, firstSeq, lastSeq, count }].slice(-PRODUCER_WINDOW);
    this.#set(stamp.id, { epoch: stamp.epoch, recent: next, lastIndex: index });
    const reserved = this.#reserved.get(stamp.id);
    if (reserved?.epoch === stamp.epoch && reserved.sequence === stamp.sequence)
      this.#reserved.delete(stamp.id);
  }

  #set(id: string, state: ProducerState): void {
    this.#states.delete(id);
    this.#states.set(id, state);
    this.#changed.set(id, state);
    if (this.#states.size <= this.#maxProducers) return;
    for (const oldest of this.#states.keys()) {
      this.#states.delete(oldest);
      this.#changed.set(oldest, undefined);
      break;
    }
  }

  /** The producers that changed since the last call, for the store. */
  takeChanged(): ReadonlyMap<string, ProducerState | undefined> {
    const changed = this.#changed;
    this.#changed = new Map();
    return changed;
  }
}
