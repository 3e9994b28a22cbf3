import type { BatchRequest, BatchView, ProducerStamp } from "@annals/record";
import type { AppendResult } from "@annals/replica";
import { viewBatch } from "@annals/wire";
import type { StoredSlot } from "@annals/kit";
import type { Report } from "./checker.ts";
import { readRecordId } from "./recordId.ts";
import type { RecordId } from "./recordId.ts";

interface Submitted {
  readonly request: number;
  readonly count: number;
  readonly stamp: ProducerStamp | undefined;
  /** The highest seq that was acknowledged to anybody when the request was first sent. */
  readonly floor: number;
  /** Records of it in the committed log, and where. */
  seen: number;
  firstSeq: number;
  lastSeq: number;
  /** Every attempt was refused with the promise that nothing of it is in the log. */
  refused: boolean;
}

/**
 * The clients' view of one log, in linear time because every record is unique (reliability checks of Jepsen's kafka workload): an
 * acknowledged record is in the log where the answer says, once, whole and in real-time order; what was refused is not; an unknown outcome
 * may turn up once or never; no record that nobody sent; seqs dense, and each producer's requests
 * begun in its order.
 */
export class LogOracle {
  readonly #report: Report;
  readonly #readId: (record: Uint8Array) => RecordId;
  readonly #submitted = new Map<number, Submitted>();
  readonly #producers = new Map<string, ProducerStamp>();
  #nextSeq = 1;
  #acknowledgedSeq = 0;
  #recordedAt = 0;
  #acknowledgements = 0;

  /** `readId` finds in a stored record what `makeRecord`, or another workload, has put there. */
  constructor(report: Report, readId: (record: Uint8Array) => RecordId = readRecordId) {
    this.#report = report;
    this.#readId = readId;
  }

  get acknowledgements(): number {
    return this.#acknowledgements;
  }

  /** Every producer with a record in the log. */
  get producers(): readonly string[] {
    return [...this.#producers.keys()];
  }

  submitted(request: number, count: number, stamp: ProducerStamp | undefined): void {
    const floor = this.#acknowledgedSeq;
    const fresh = { seen: 0, firstSeq: 0, lastSeq: 0, refused: false };
    this.#submitted.set(request, { request, count, stamp, floor, ...fresh });
  }

  /** A refused request is sent again. */
  resubmitted(request: number): void {
    const submitted = this.#submitted.get(request);
    if (submitted !== undefined) submitted.refused = false;
  }

  refused(request: number): void {
    const submitted = this.#submitted.get(request);
    if (submitted === undefined) return;
    submitted.refused = true;
    if (submitted.seen > 0)
      this.#report(
        "refused is absent",
        `request ${request} is refused as not accepted, ${submitted.seen} of its records are in the log from seq ${submitted.firstSeq}`,
      );
  }

  acknowledged(request: number, result: AppendResult): void {
    this.#acknowledgements++;
    const submitted = this.#submitted.get(request);
    if (submitted === undefined) return;
    const { seen, count, firstSeq, lastSeq, floor } = submitted;
    if (seen !== count || firstSeq !== result.firstSeq || lastSeq !== result.lastSeq)
      this.#report(
        "acknowledged is present",
        `request ${request} of ${count} has answer ${result.firstSeq}–${result.lastSeq}, in the log are ${seen} at ${firstSeq}–${lastSeq}`,
      );
    if (firstSeq <= floor)
      this.#report(
        "real-time order",
        `request ${request} got seq ${firstSeq}, ${floor} was acknowledged before it was sent`,
      );
    this.#acknowledgedSeq = Math.max(this.#acknowledgedSeq, lastSeq);
  }

  /** An entry was committed; called in the order of the log. */
  committed({ entry }: Pick<StoredSlot, "entry">): void {
    if (entry.kind !== "records") return;
    const batch = viewBatch(entry.data);
    const { firstSeq, recordedAt, requests } = batch.header;
    if (firstSeq !== this.#nextSeq)
      this.#report("dense seq", `entry ${entry.index} begins at ${firstSeq}, not ${this.#nextSeq}`);
    if (recordedAt < this.#recordedAt)
      this.#report(
        "recordedAt never falls",
        `entry ${entry.index}: ${this.#recordedAt} is followed by ${recordedAt}`,
      );
    this.#recordedAt = recordedAt;
    let position = 0;
    for (const part of requests) {
      this.#part(batch, position, part);
      position += part.count;
    }
    this.#nextSeq = firstSeq + position;
  }

  #part(batch: BatchView, from: number, part: BatchRequest): void {
    for (let k = from; k < from + part.count; k++) {
      const id = this.#readId(batch.record(k));
      const seq = batch.header.firstSeq + k;
      const submitted = this.#submitted.get(id.request);
      if (submitted === undefined) {
        this.#report("no phantom", `seq ${seq} holds a record that nobody sent`);
        return;
      }
      if (id.position !== submitted.seen) {
        this.#report(
          id.position < submitted.seen ? "no duplicate" : "whole requests",
          `seq ${seq} holds record ${id.position} of request ${id.request}, ${submitted.seen} are there from ${submitted.firstSeq} on`,
        );
        return;
      }
      if (submitted.refused)
        this.#report(
          "refused is absent",
          `seq ${seq} holds a record of request ${id.request}, which was refused as not accepted`,
        );
      if (submitted.seen === 0) {
        submitted.firstSeq = seq;
        this.#order(submitted, part.producer);
      }
      submitted.seen++;
      submitted.lastSeq = seq;
    }
  }

  #order(submitted: Submitted, stamp: ProducerStamp | undefined): void {
    const { request } = submitted;
    if (stamp?.id !== submitted.stamp?.id || stamp?.sequence !== submitted.stamp?.sequence)
      this.#report("stamps", `request ${request} is stored under another stamp`);
    if (stamp === undefined) return;
    const last = this.#producers.get(stamp.id);
    this.#producers.set(stamp.id, stamp);
    if (last === undefined || stamp.epoch > last.epoch) return;
    if (stamp.epoch < last.epoch || stamp.sequence < last.sequence)
      this.#report(
        "producer order",
        `request ${stamp.epoch}/${stamp.sequence} of ${stamp.id} is stored after ${last.epoch}/${last.sequence}`,
      );
  }
}
