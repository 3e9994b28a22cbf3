import type { LogIndex } from "@annals/raft";
import { AnnalsError, asSeq } from "@annals/record";
import type { BatchHeader, ProducerStamp, RequestStamp, Seq } from "@annals/record";
import type { ProducerAnswer, ProducerState } from "./ports.ts";

/** Requests of one producer whose answers are kept; a producer may have as many in flight. */
export const PRODUCER_WINDOW = 16;
/**
 * How far above the floor an epoch may begin. Room for epochs that are times in ms; and one that is far too high cannot use the numbers up
 * for all who come after it.
 */
const EPOCH_LEAP_MAX = 2 ** 42;
/** Key of the row that belongs to no producer: its epoch is the floor. No stamp carries this id, since none has control characters. */
const FLOOR_ROW = "\u0000";

/** The number of a request was used for other records: nothing of this one is stored. */
export function otherRecords(
  { id, epoch, sequence }: ProducerStamp,
  details: Record<string, unknown>,
): AnnalsError {
  return refused(
    "ERR_PRODUCER_CONFLICT",
    `producer "${id}" has used sequence ${sequence} of epoch ${epoch} for other records: ` +
      "two senders share the id, or one has lost its state",
    details,
  );
}

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
 * Bounded: beyond `maxProducers` whoever was silent longest is forgotten, and the floor rises to the epoch that it had. A producer that is
 * not in the table begins in an epoch above the floor, so whatever a forgotten one sends again is seen to be old: it is refused. Nor does
 * the rest of a request, stored later, bring it back: nobody knows which of its later requests are in the log.
 *
 * `reserved` is the leader's look ahead: stamps that were admitted and are not applied yet.
 */
export class ProducerTable {
  readonly #maxProducers: number;
  /** In the order of `lastIndex`, then of the id: the first one was silent longest. */
  readonly #states: Map<string, ProducerState>;
  /** The highest epoch of a producer that was forgotten; 0 for none. Never falls. */
  #floor: number;
  readonly #reserved = new Map<string, { readonly epoch: number; readonly sequence: number }>();
  #changed = new Map<string, ProducerState | undefined>();

  constructor(maxProducers: number, stored: ReadonlyMap<string, ProducerState>) {
    this.#maxProducers = maxProducers;
    this.#states = new Map([...stored].toSorted(bySilence));
    this.#floor = stored.get(FLOOR_ROW)?.epoch ?? 0;
    this.#states.delete(FLOOR_ROW);
  }

  get(id: string): ProducerState | undefined {
    return this.#states.get(id);
  }

  get size(): number {
    return this.#states.size;
  }

  /** The epoch in which a producer with this id may begin now. */
  nextEpoch(id: string): number {
    return Math.max(this.#floor, this.#latest(id, this.#states.get(id))?.epoch ?? 0) + 1;
  }

  /**
   * Judges a request of `count` records; throws a coded error when the stamp does not fit: a newer epoch is at work, a request before it
   * is missing, its answer is forgotten, or the number was used for other records. Never guesses: a repeat that cannot be answered is
   * refused, not stored twice.
   */
  judge(stamp: RequestStamp, count: number): ProducerVerdict {
    const state = this.#states.get(stamp.id);
    const latest = this.#latest(stamp.id, state);
    const details = { producer: stamp.id, epoch: stamp.epoch, sequence: stamp.sequence, ...latest };
    if (latest === undefined && stamp.epoch <= this.#floor) {
      const nextEpoch = this.nextEpoch(stamp.id);
      throw refused(
        "ERR_PRODUCER_FORGOTTEN",
        `producer "${stamp.id}" is not known, and of epoch ${stamp.epoch} some have been forgotten: it may begin in epoch ${nextEpoch}`,
        { ...details, nextEpoch },
      );
    }
    if (latest === undefined || stamp.epoch > latest.epoch) {
      this.#assertWithinLeap(stamp);
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
    if (answer.fingerprint !== stamp.fingerprint) throw otherRecords(stamp, details);
    return answer.count < count ? { kind: "resume", answer } : { kind: "repeat", answer };
  }

  #assertWithinLeap({ id, epoch }: ProducerStamp): void {
    const highest = this.#floor + EPOCH_LEAP_MAX;
    if (epoch <= highest) return;
    throw refused(
      "ERR_PRODUCER_EPOCH_TOO_HIGH",
      `epoch ${epoch} of producer "${id}" is above ${highest}, the highest that may begin now`,
      { producer: id, epoch, highest },
    );
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
    const touched = new Set<string>();
    for (const { count, producer } of header.requests) {
      if (producer !== undefined) {
        this.#applyOne(index, producer, asSeq(firstSeq), count);
        touched.add(producer.id);
      }
      firstSeq += count;
    }
    this.#moveToEnd(touched);
    this.#forgetSilent(index);
  }

  #applyOne(index: LogIndex, stamp: RequestStamp, firstSeq: Seq, count: number): void {
    const { id, epoch, sequence, fingerprint } = stamp;
    const reserved = this.#reserved.get(id);
    if (reserved?.epoch === epoch && reserved.sequence === sequence) this.#reserved.delete(id);
    const state = this.#states.get(id);
    // It was admitted when it was known, or just before the floor rose.
    if (state === undefined && epoch <= this.#floor) return;
    const recent = state !== undefined && state.epoch === epoch ? state.recent : [];
    const lastSeq = asSeq(firstSeq + count - 1);
    this.#states.set(id, {
      epoch,
      recent: withAnswer(recent, { sequence, fingerprint, firstSeq, lastSeq, count }),
      lastIndex: index,
    });
  }

  /** In the order that a restart finds them in, so that every replica forgets the same. */
  #moveToEnd(ids: ReadonlySet<string>): void {
    for (const id of [...ids].toSorted()) {
      const state = this.#states.get(id);
      if (state === undefined) continue;
      this.#states.delete(id);
      this.#states.set(id, state);
      this.#changed.set(id, state);
    }
  }

  #forgetSilent(index: LogIndex): void {
    for (const [id, { epoch }] of this.#states) {
      if (this.#states.size <= this.#maxProducers) return;
      this.#states.delete(id);
      this.#changed.set(id, undefined);
      if (epoch <= this.#floor) continue;
      this.#floor = epoch;
      this.#changed.set(FLOOR_ROW, { epoch, recent: [], lastIndex: index });
    }
  }

  /** The producers that changed since the last call, for the store. */
  takeChanged(): ReadonlyMap<string, ProducerState | undefined> {
    const changed = this.#changed;
    this.#changed = new Map();
    return changed;
  }
}

/** The answers with one more, or with one more part of an answer. */
function withAnswer(
  recent: readonly ProducerAnswer[],
  added: ProducerAnswer,
): readonly ProducerAnswer[] {
  const { sequence, lastSeq, count } = added;
  const latest = recent.at(-1);
  if (latest === undefined || sequence > latest.sequence)
    return [...recent, added].slice(-PRODUCER_WINDOW);
  // Not only the latest: a request that a change of leader cut may be finished after later ones were let in; even after so many that it is
  // not remembered any more.
  return recent.map((answer) =>
    answer.sequence === sequence ? { ...answer, lastSeq, count: answer.count + count } : answer,
  );
}

function bySilence(
  [idA, a]: readonly [string, ProducerState],
  [idB, b]: readonly [string, ProducerState],
): number {
  if (a.lastIndex !== b.lastIndex) return a.lastIndex - b.lastIndex;
  return idA < idB ? -1 : 1;
}
