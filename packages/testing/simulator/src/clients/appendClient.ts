import { makeRecord } from "@annals/check";
import type { Random } from "@annals/kit";
import { NO_ATTACHMENTS } from "@annals/record";
import type { AnnalsError, Attachments, ProducerStamp } from "@annals/record";
import type { AppendResult } from "@annals/replica";
import { Pace } from "./pace.ts";
import type { Log } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

/** Answers that promise that nothing of this attempt is in the log. */
const REFUSALS: ReadonlySet<string> = new Set([
  "ERR_NOT_LEADER",
  "ERR_OVERLOADED",
  "ERR_UNCOMMITTED_FULL",
  "ERR_DISK_FULL",
  "ERR_REPLICA_CLOSED",
  "ERR_STORAGE_FAILED",
  "ERR_ENTRY_DAMAGED",
  "ERR_BLOB_MISSING",
  "ERR_PRODUCER_CONFLICT",
  "ERR_PRODUCER_GAP",
  "ERR_PRODUCER_UNKNOWN",
  "ERR_PRODUCER_FENCED",
  "ERR_PRODUCER_EXPIRED",
  "ERR_PRODUCER_FORGOTTEN",
]);
/** Requests of a producer from the oldest open one to the newest: within what the producer table remembers. */
const WINDOW_MAX = 6;
/** Requests that a producer is done with and may still send again, as a network or an old instance would. */
const REPLAYED_MAX = 20;
/** A client gives an upload up after so long. */
const UPLOAD_TIMEOUT_US = 1_000_000;
/** How much later than its time limit an answer may come: it is looked at on ticks. */
const GRACE_TICKS = 4;

interface Request {
  readonly number: number;
  readonly records: readonly Uint8Array[];
  readonly attachments: Attachments;
  readonly stamp: ProducerStamp | undefined;
  /** Some attempt ended without a definite answer. */
  unknown: boolean;
  /** Its records are in the log under its stamp. */
  acknowledged: boolean;
  open: boolean;
}

/**
 * Appends to one log. With a producer id it stamps its requests, keeps several in flight and repeats each through any node until it is
 * answered; without, it repeats only what was refused with the promise that nothing was accepted.
 */
export class AppendClient {
  readonly #log: Log;
  readonly #random: Random;
  readonly #producer: string | undefined;
  readonly #window: number;
  readonly #open = new Set<Request>();
  #done: Request[] = [];
  #epoch = 1;
  #sequence = 0;
  #leader = 0;
  readonly #pace: Pace;

  constructor(log: Log, random: Random, producer: string | undefined) {
    this.#log = log;
    this.#random = random;
    this.#producer = producer;
    this.#window = producer === undefined ? 1 : random.between(1, WINDOW_MAX);
    this.#pace = new Pace(log, random, 1, () => this.#step());
    this.#pace.next();
  }

  /** Begins nothing new; what is open goes on. */
  stop(): void {
    this.#pace.stop();
  }

  get openRequests(): number {
    return this.#open.size;
  }

  #step(): void {
    if (this.#producer !== undefined && this.#random.chance(0.002)) this.#beginEpoch();
    if (this.#span() < this.#window) this.#begin();
    if (this.#done.length > 0 && this.#random.chance(0.05))
      this.#replay(this.#random.pick(this.#done));
    if (this.#done.length > 0 && this.#random.chance(0.02))
      this.#impersonate(this.#random.pick(this.#done));
    this.#pace.next();
  }

  /** Requests from the oldest open one to the newest: what the producer table must remember. */
  #span(): number {
    const [oldest] = this.#open;
    if (oldest === undefined) return 0;
    return oldest.stamp === undefined ? 1 : this.#sequence - oldest.stamp.sequence + 1;
  }

  /** The producer starts anew and forgets what it had in flight. */
  #beginEpoch(epoch = this.#epoch + 1): void {
    for (const request of this.#open) this.#close(request);
    this.#epoch = Math.max(this.#epoch + 1, epoch);
    this.#sequence = 0;
  }

  /** Nobody waits for the answer: the request must be there as it was acknowledged before, or be refused. */
  #replay(request: Request): void {
    const { world, oracle } = this.#log;
    const target = world.replica(this.#log.number, this.#chooseNode());
    if (!target.host.up || target.host.frozen || target.replica === undefined) return;
    world.journal.note("replayed", target.node, this.#log.number, request.number);
    const { number, records, attachments, stamp } = request;
    target.replica.append({ records, attachments, stamp, timeoutMs: 1000 }).then(
      (result) => oracle.acknowledged(number, world.mutant?.answer?.(result) ?? result),
      () => {},
    );
  }

  /** Somebody else sends other records under the stamp of a request that is in the log: nothing of them may be taken. */
  #impersonate({ number, stamp, acknowledged, records }: Request): void {
    if (stamp === undefined || !acknowledged) return;
    const { world } = this.#log;
    const target = world.replica(this.#log.number, this.#chooseNode());
    if (!target.host.up || target.host.frozen || target.replica === undefined) return;
    world.journal.note("impersonated", target.node, this.#log.number, number);
    const others = records.map((_, position) =>
      makeRecord({ request: world.nextRequest(), position }, 0),
    );
    target.replica.append({ records: others, stamp, timeoutMs: 1000 }).then(
      () => world.report("a number is answered for its records only", `request ${number}`),
      () => {},
    );
  }

  #begin(): void {
    const { world, oracle } = this.#log;
    const { recordsMax, recordBytesMax } = world.plan.clients;
    const number = world.nextRequest();
    const count = this.#random.between(1, recordsMax);
    const records = Array.from({ length: count }, (_, position) =>
      makeRecord({ request: number, position }, this.#random.below(recordBytesMax + 1)),
    );
    const stamp =
      this.#producer === undefined
        ? undefined
        : { id: this.#producer, epoch: this.#epoch, sequence: ++this.#sequence };
    const attachments = this.#drawAttachments(count);
    const request: Request = {
      number,
      records,
      attachments,
      stamp,
      unknown: false,
      acknowledged: false,
      open: true,
    };
    this.#open.add(request);
    oracle.submitted(number, count, stamp);
    this.#attempt(request);
  }

  #attempt(request: Request): void {
    if (!request.open) return;
    const { world } = this.#log;
    const node = this.#chooseNode();
    const target = world.replica(this.#log.number, node);
    const { host } = target;
    if (!host.up || host.frozen || target.replica === undefined) {
      // Nobody accepts the connection.
      this.#leader = 0;
      this.#retryLater(request);
      return;
    }
    const missing = target.blobs.missing([...request.attachments.values()].flat());
    const [digest] = missing;
    // Now and then a client forgets, and must be refused.
    if (digest !== undefined && this.#random.chance(0.9)) {
      this.#upload(request, digest, target);
      return;
    }
    world.journal.note("append", node, this.#log.number, request.number);
    this.#send(request, target);
  }

  /** Brings a blob to the node that is to take the records; then, or when that does not work out, tries again. */
  #upload(request: Request, digest: string, target: Member): void {
    let answered = false;
    const answer = (): void => {
      if (!answered) this.#retryLater(request);
      answered = true;
    };
    target.blobs.upload(digest, answer);
    this.#log.world.scheduler.after(UPLOAD_TIMEOUT_US, answer);
  }

  /** Some requests name blobs, new ones or old ones. */
  #drawAttachments(count: number): Attachments {
    const { plan } = this.#log.world;
    if (plan.blobs.chance === 0 || !this.#random.chance(plan.blobs.chance)) return NO_ATTACHMENTS;
    const drawn = new Map<number, string[]>();
    for (let k = this.#random.between(1, 3); k > 0; k--) {
      const position = this.#random.below(count);
      const number = this.#random.chance(0.2)
        ? 1 + this.#random.below(20)
        : this.#log.world.nextBlob();
      const digest = number.toString(16).padStart(64, "0");
      drawn.set(position, [...(drawn.get(position) ?? []), digest]);
    }
    return drawn;
  }

  #send(request: Request, target: Member): void {
    const { world } = this.#log;
    const { records, attachments, stamp } = request;
    const timeoutMs = this.#random.pick([50, 300, 1000, 5000]);
    const begunUs = world.scheduler.nowUs;
    const { life } = target;
    let settled = false;
    target.replica?.append({ records, attachments, stamp, timeoutMs }).then(
      (result) => {
        const late = settled;
        settled = true;
        this.#acknowledged(request, target, world.mutant?.answer?.(result) ?? result, late);
      },
      (error: AnnalsError) => {
        const late = settled;
        settled = true;
        this.#failed(request, target, world.mutant?.refusal?.(error) ?? error, late);
      },
    );
    const graceMs = GRACE_TICKS * world.plan.config.tickMs;
    world.scheduler.after((timeoutMs + graceMs) * 1000, () => {
      if (settled) return;
      settled = true;
      if (target.up && target.life === life && target.host.lastHeldUs < begunUs)
        world.report("requests are answered", `request ${request.number} has no answer in time`);
      this.#leader = 0;
      this.#outcomeUnknown(request);
    });
  }

  #acknowledged(request: Request, target: Member, result: AppendResult, late: boolean): void {
    const { world, oracle, ledger, committed } = this.#log;
    world.journal.note("acknowledged", target.node, this.#log.number, result.firstSeq, () => {
      return `request ${request.number}: seqs ${result.firstSeq} to ${result.lastSeq}${result.duplicate ? ", repeat" : ""}`;
    });
    oracle.acknowledged(request.number, result);
    request.acknowledged = true;
    this.#leader = target.node;
    const entry = committed.entryOfSeq(result.lastSeq);
    if (entry !== undefined) ledger.acknowledged(entry);
    if (late) return;
    if (!this.#pace.stopped && this.#random.chance(world.plan.chances.get("lostAnswer") ?? 0)) {
      world.journal.note("lostAnswer", target.node, this.#log.number, request.number);
      this.#outcomeUnknown(request);
      return;
    }
    this.#close(request);
  }

  #failed(request: Request, target: Member, error: AnnalsError, late: boolean): void {
    const { world } = this.#log;
    const refused = REFUSALS.has(error.code);
    world.journal.note(
      refused ? "refused" : "unknown",
      target.node,
      this.#log.number,
      request.number,
      () => `request ${request.number}: ${error.message}`,
    );
    const forgets = world.plan.config.maxProducers < world.plan.clients.producers;
    if (error.code === "ERR_PRODUCER_EXPIRED" && request.open && !forgets)
      world.report("answers are remembered", `request ${request.number}: ${error.message}`);
    this.#leader = Number(error.details["leader"] ?? 0);
    if (late || !request.open) return;
    if (error.code === "ERR_PRODUCER_FORGOTTEN")
      this.#beginEpoch(Number(error.details["nextEpoch"]));
    if (error.code === "ERR_PRODUCER_EXPIRED") this.#close(request);
    if (!request.open) return;
    if (refused) this.#refused(request);
    else this.#outcomeUnknown(request);
  }

  #refused(request: Request): void {
    const { oracle } = this.#log;
    if (request.stamp !== undefined) {
      this.#retryLater(request);
      return;
    }
    oracle.refused(request.number);
    if (this.#pace.stopped || this.#random.chance(0.2)) {
      this.#close(request);
      return;
    }
    this.#retryLater(request);
  }

  #outcomeUnknown(request: Request): void {
    request.unknown = true;
    if (request.stamp === undefined) this.#close(request);
    else this.#retryLater(request);
  }

  #retryLater(request: Request): void {
    const { scheduler } = this.#log.world;
    scheduler.after(2000 + this.#random.below(50_000), () => {
      if (!request.open) return;
      if (this.#pace.stopped && request.stamp === undefined) {
        this.#close(request);
        return;
      }
      this.#log.oracle.resubmitted(request.number);
      this.#attempt(request);
    });
  }

  #close(request: Request): void {
    if (!request.open) return;
    request.open = false;
    this.#open.delete(request);
    if (request.stamp !== undefined) this.#done = [...this.#done, request].slice(-REPLAYED_MAX);
  }

  #chooseNode(): number {
    const { inService } = this.#log.world;
    return this.#leader > 0 && this.#random.chance(0.9)
      ? this.#leader
      : this.#random.pick(inService).id;
  }
}
