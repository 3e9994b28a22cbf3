import type { GaugeReading } from "@annals/flow";
import type { LogIndex, MemberId, RaftCore, Term } from "@annals/raft";
import { asSeq, encodeBatch } from "@annals/record";
import type { AnnalsError, Seq } from "@annals/record";
import { AppendQueue, pendingAppend, withFingerprint } from "./appendQueue.ts";
import type { AppendWaiter, FormedBatch, StampedRequest } from "./appendQueue.ts";
import { notLeader, overloaded, uncommittedFull } from "./errors.ts";
import type { AppendRequest, ReplicaOptions } from "./options.ts";
import { otherRecords } from "./producers.ts";
import type { ReplicaGauges } from "./replicaGauges.ts";
import type { StampClock } from "./stampClock.ts";
import type { StateMachine } from "./stateMachine.ts";

export interface AppenderOptions {
  readonly gauges: ReplicaGauges;
  readonly core: RaftCore;
  readonly machine: StateMachine;
  readonly stamps: StampClock;
  readonly replica: Pick<ReplicaOptions, "config" | "compress">;
}

/**
 * The leader's side of appending: admits requests, forms batches, numbers and stamps them, proposes them, and answers when they are
 * applied. It accepts only once an entry of the leader's own term is applied: from then on the producer table and the next seq are exact.
 */
export class Appender {
  readonly #options: AppenderOptions;
  readonly #queue: AppendQueue;
  #accepting = false;
  #nextSeq: Seq = asSeq(1);
  #lastRecordedAt = 0;
  /** The core did not take the latest batch: what it has proposed is at its limit. */
  #declined = false;

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#queue = new AppendQueue(options.replica.config.maxPendingBytes, options.gauges.appends);
  }

  get accepting(): boolean {
    return this.#accepting;
  }

  readGauge(): GaugeReading {
    return this.#queue.readGauge();
  }

  /** An entry of the own term is applied: the leadership takes requests. */
  begin(): void {
    this.#accepting = true;
    this.#lastRecordedAt = 0;
    this.#nextSeq = asSeq(this.#options.machine.appliedSeq + 1);
  }

  /** The leadership has ended; what was proposed is answered when the new leader's entries decide about it. */
  stepDown(error: () => AnnalsError): void {
    this.#accepting = false;
    this.#options.machine.producers.forgetReserved();
    this.#queue.stopProposing(error);
  }

  /** The replica has ended: whoever waits learns it, and whether anything of theirs may be in the log. */
  end(unproposed: () => AnnalsError, why: string): void {
    this.#accepting = false;
    this.#queue.rejectAll(unproposed, why);
    this.#options.gauges.close();
  }

  /** Throws ERR_NOT_LEADER unless the log is led here and what was derived from it is exact. */
  assertAccepting(leader: MemberId): void {
    if (!this.#accepting) throw notLeader(leader);
  }

  /** Throws ERR_NOT_LEADER, ERR_OVERLOADED or ERR_UNCOMMITTED_FULL unless a request could be admitted now. */
  assertOpen(leader: MemberId): void {
    this.assertAccepting(leader);
    if (!this.#queue.full) return;
    if (this.#declined) throw uncommittedFull(this.#options.core.uncommittedBytes);
    const { current, cap } = this.#queue.readGauge();
    throw overloaded(current, cap);
  }

  /**
   * Takes a request in, unless the same one is on its way already: then its answer is for both. Throws what `assertOpen` throws when there
   * is no room for a new one, and the coded refusal of a stamp.
   */
  take(unmarked: AppendRequest, waiter: AppendWaiter, assertOpen: () => void): void {
    const request = withFingerprint(unmarked);
    if (this.#join(request, waiter)) return;
    assertOpen();
    this.admit(request, waiter);
  }

  /** The request with this stamp is on its way already: waits for the same answer. Throws ERR_PRODUCER_CONFLICT for other records. */
  #join({ stamp }: StampedRequest, waiter: AppendWaiter): boolean {
    const underway = stamp === undefined ? undefined : this.#queue.find(stamp);
    if (stamp === undefined || underway === undefined) return false;
    if (underway.stamp?.fingerprint !== stamp.fingerprint)
      throw otherRecords(stamp, { producer: stamp.id, ...stamp });
    underway.waiters.push(waiter);
    return true;
  }

  /** Takes a request in, or answers it at once if it is a repeat. Throws the coded refusal of its stamp. */
  admit(request: StampedRequest, waiter: AppendWaiter): void {
    const { records, stamp } = request;
    const { producers } = this.#options.machine;
    const verdict = stamp === undefined ? undefined : producers.judge(stamp, records.length);
    if (verdict?.kind === "repeat") {
      waiter.resolve({ ...verdict.answer, duplicate: true });
      return;
    }
    if (stamp !== undefined && verdict?.kind === "new") producers.reserve(stamp);
    const alreadyIn = verdict?.kind === "resume" ? verdict.answer : undefined;
    this.#queue.push(pendingAppend(request, alreadyIn, waiter));
  }

  /**
   * Forms batches from what waits. While a flush is in the air requests gather, unless they fill a batch: so batches grow with load and an
   * idle system waits for nobody.
   */
  propose(flushing: boolean): void {
    this.#proposeBatches(flushing);
    const { gauges, core, machine } = this.#options;
    gauges.uncommitted(core.uncommittedBytes);
    gauges.producers(machine.producers.size);
  }

  #proposeBatches(flushing: boolean): void {
    const { maxRecords, maxBytes } = this.#options.replica.config.batch;
    while (this.#accepting && this.#queue.waitingRecords > 0) {
      const full = this.#queue.waitingRecords >= maxRecords || this.#queue.waitingBytes >= maxBytes;
      if (flushing && !full) return;
      const formed = this.#queue.form(maxRecords, maxBytes);
      if (formed === undefined || !this.#proposeBatch(formed)) return;
    }
  }

  /** The highest stamp of a record that is applied here or was proposed. */
  get lastRecordedAt(): number {
    return Math.max(this.#lastRecordedAt, this.#options.machine.lastRecordedAt);
  }

  /** False when the core declines for now, or the time is not known yet; the requests stay where they are. */
  #proposeBatch(formed: FormedBatch): boolean {
    const { core, replica, stamps } = this.#options;
    const firstSeq = this.#nextSeq;
    const count = formed.records.length;
    const recordedAt = stamps.stampAfter(this.lastRecordedAt);
    if (recordedAt === undefined) return false;
    const { requests, blobs } = formed;
    const header = { firstSeq, count, recordedAt, requests, blobs };
    const batch = encodeBatch(header, formed.records);
    const data = replica.compress?.(batch) ?? batch;
    const outcome = core.propose([{ kind: "records", data }]);
    this.#declined = outcome.kind === "dropped" && outcome.reason === "uncommittedLimit";
    if (outcome.kind !== "accepted") return false;
    this.#lastRecordedAt = recordedAt;
    this.#nextSeq = asSeq(firstSeq + count);
    this.#queue.proposedAt(outcome.firstIndex, core.term, firstSeq, formed);
    return true;
  }

  applied(index: LogIndex, term: Term, lost: () => AnnalsError): void {
    this.#queue.applied(index, term, lost);
  }

  expire(nowMs: number): void {
    this.#queue.expire(nowMs);
  }
}
