import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ClientError } from "@annals/client";
import type { AnnalsClient, AppendReply } from "@annals/client";
import type { ProducerStamp } from "@annals/record";
import { isDamaged } from "./content.ts";
import type { Block } from "../import/block.ts";
import { isLongLine } from "../import/blockReader.ts";
import type { LongLine } from "../import/blockReader.ts";
import type { CliError } from "../program/cliError.ts";
import type { FollowedFile } from "./followedFile.ts";
import { blankState } from "./followState.ts";
import type { FollowState, SentRequest } from "./followState.ts";
import { tooLong } from "../import/lineFault.ts";
import type { LineFault, Work } from "../import/lineFault.ts";
import { faultError, formOf, keepLetter } from "../import/lineReport.ts";
import { Sender } from "../import/sender.ts";
import type { Request } from "../import/sender.ts";
import { blockOfSent, sentOf } from "../import/sentRequests.ts";
import { FileSeries } from "./series.ts";
import { concurrent, StateFile } from "./stateFile.ts";
import { Tally } from "../import/tally.ts";
import type { Appended } from "../import/tally.ts";
import { NO_TRAIL } from "./trail.ts";

export interface FollowOptions {
  readonly client: AnnalsClient;
  readonly log: string;
  readonly path: string;
  readonly statePath: string;
  /** Where lines go that the log does not take; without it they end the command. */
  readonly deadLetters: string | undefined;
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly note: (text: string) => Promise<void>;
  /** What is in the files by then is still appended. */
  readonly interrupt: AbortSignal;
}

const POLL_MS = 200;
/**
 * Looks at a renamed file that find nothing more in it, until it counts as finished: its writer may
 * change over late.
 */
const LAST_LOOKS = 5;
const RETRY_MS = 1000;

/**
 * Appends the lines of a growing file and of those that had its name, each once, over crashes of
 * this command and of the cluster. One request is on its way at a time; where it lies in the file
 * is made durable before it is sent, so after a crash the same bytes are sent under the same
 * number, which the log recognises.
 */
export class Follower {
  readonly #options: FollowOptions;
  readonly #stateFile: StateFile;
  readonly #series: FileSeries;
  readonly #sender: Sender;
  readonly #tally = new Tally();
  /** The state as it was saved last. */
  #saved: FollowState;
  #savedChanges = -1;
  /** Of the requests that are on their way; they are of the file that is read. */
  #sent: readonly SentRequest[];
  #lookedMs = Number.NEGATIVE_INFINITY;
  /** Consecutive looks that found nothing more in a file that was renamed. */
  #looks = 0;

  private constructor(options: FollowOptions, stateFile: StateFile) {
    const { found } = stateFile;
    this.#options = options;
    this.#stateFile = stateFile;
    this.#saved = found ?? blankState(options.log, `follow-${randomUUID()}`);
    this.#sent = this.#saved.sent;
    this.#series = new FileSeries({
      path: options.path,
      known: found,
      waitsForEnd: options.deadLetters !== undefined,
      note: options.note,
    });
    const { producer: id, epoch, sequence } = this.#saved;
    this.#sender = this.#senderAfter({ id, epoch, sequence: sequence - this.#sent.length });
  }

  /** Runs until the interrupt; rejects with what cannot be mended by waiting. */
  static async run(options: FollowOptions): Promise<Appended> {
    const stateFile = await StateFile.open(options.statePath, options.log);
    const follower = new Follower(options, stateFile);
    try {
      await follower.#resume();
      await follower.#follow();
      await follower.#save();
    } finally {
      await follower.#series.close();
      stateFile.release();
    }
    return follower.#tally.result(options.log, follower.#series.gaps);
  }

  #senderAfter(last: ProducerStamp): Sender {
    const { client, log } = this.#options;
    return new Sender(
      {
        append: (bytes, producer) => this.#append(bytes, producer),
        nextEpoch: () => this.#retrying(() => client.nextEpoch(log, last.id)),
        isStored: (stamp) => this.#isStored(stamp),
        begin: (stamp, requests) => this.#begin(stamp, requests),
        accepted: (block, reply) => this.#accepted(block, reply),
        fault: (fault) => this.#fault(fault),
      },
      last,
      1,
    );
  }

  /**
   * Finds the files of the run before, and sends its last request again if nobody knows the answer.
   */
  async #resume(): Promise<void> {
    await this.#look(true);
    const { producer: id, epoch, sequence } = this.#saved;
    const [sent] = this.#sent;
    if (sent !== undefined) {
      const isStored = await this.#looking(this.#isStored({ id, epoch, sequence }));
      if (isStored) await this.#series.current?.skipTo(sent.mark, sent.lineEnds);
      await this.#look(true);
      if (!isStored) await this.#sendAgain(this.#series.current, sent);
    }
    this.#sent = [];
    // A command that still runs with this state must not go on: its epoch is over with our first
    // request.
    if (epoch > 0) await this.#looking(this.#sender.beginEpoch());
    await this.#save();
  }

  async #sendAgain(file: FollowedFile | undefined, sent: SentRequest): Promise<void> {
    const { from, to, records } = sent;
    const content = file?.mark.bytes === from ? file.content : undefined;
    const block = content === undefined ? undefined : await blockOfSent(content, sent);
    if (file !== undefined && block !== undefined) {
      await this.#send({ kind: "send", block }, file);
      file.rewind();
      return;
    }
    // It is not in the log, and whoever might still bring it there is fenced off by the next epoch.
    this.#series.gaps++;
    const where = `bytes ${from} to ${to} of ${file?.path ?? this.#options.path}`;
    await this.#options.note(
      `annals: ${where} were sent when this command ended, and are neither in the log ` +
        `nor in a file: ${records} records are lost`,
    );
  }

  async #follow(): Promise<void> {
    for (;;) {
      const isLast = this.#options.interrupt.aborted;
      await this.#look(isLast);
      // What comes after the interrupt is for the next start.
      const end = isLast ? this.#series.end : Number.POSITIVE_INFINITY;
      while (await this.#readOn(end)) if (!isLast) await this.#look(false);
      if (!isLast) await this.#idle();
      else if (!(await this.#mayFinish())) return;
    }
  }

  /** Appends the next lines. False when there are none for now. */
  async #readOn(end: number): Promise<boolean> {
    this.#series.turn();
    const file = this.#series.current;
    if (file === undefined) return false;
    // There was no room to hold it open before it was its turn.
    if (!file.isOpen) {
      await this.#look(true);
      return this.#series.current?.isOpen === true;
    }
    const { waiting } = this.#series;
    if (waiting === 0 && file.mark.bytes >= end) return false;
    // Whoever wrote it has changed over twice if two files came after it.
    const isFinal = this.#looks >= LAST_LOOKS || waiting > 1;
    let found: Block | LongLine | undefined;
    try {
      found = file.isGone ? undefined : await file.next(this.#options, isFinal);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      await this.#giveUp(file, error);
      return true;
    }
    if (found !== undefined) {
      this.#looks = 0;
      await this.#take(file, found);
      return true;
    }
    if (!isFinal && !file.isGone) return false;
    if (isFinal && !file.isGone)
      await this.#options.note(
        `annals: ${this.#options.path} was renamed: the one before is read to its end, ` +
          "the next one is appended from its beginning",
      );
    this.#looks = 0;
    await this.#series.finish();
    return this.#series.current !== undefined;
  }

  async #take(file: FollowedFile, found: Block | LongLine): Promise<void> {
    // Read, then compared: so it was read before anybody wrote something else in its place.
    if (!(await file.isIntact())) {
      file.rewind();
      return this.#look(true);
    }
    const work: Work = isLongLine(found) ? tooLong(found) : { kind: "send", block: found };
    return this.#send(work, file);
  }

  /**
   * Resolves when the log has it. Until then, however long the cluster is away, rotations are
   * looked at.
   */
  async #send(work: Work, file: FollowedFile): Promise<void> {
    this.#tally.begin(file.path);
    await this.#looking(this.#sender.push(work).then(() => this.#sender.drain()));
    this.#sent = [];
  }

  /** Waits for something, and looks at the files meanwhile. */
  async #looking<T>(work: Promise<T>): Promise<T> {
    const isDone = work.then(
      () => true,
      () => true,
    );
    while (!(await Promise.race([isDone, delay(POLL_MS, false, { ref: false })]))) {
      await this.#look(true);
      if (this.#series.changes !== this.#savedChanges) await this.#save();
    }
    return work;
  }

  async #look(isDue: boolean): Promise<void> {
    const now = performance.now();
    if (!isDue && now - this.#lookedMs < POLL_MS) return;
    this.#lookedMs = now;
    await this.#series.look();
  }

  async #idle(): Promise<void> {
    await this.#save();
    this.#series.current?.forget();
    await delay(POLL_MS, undefined, { signal: this.#options.interrupt }).catch(() => undefined);
    this.#looks = this.#series.waiting > 0 ? this.#looks + 1 : 0;
  }

  /**
   * At the end: a file that was renamed and ends with a whole line is done with. False when nothing
   * more is to be read.
   */
  async #mayFinish(): Promise<boolean> {
    const file = this.#series.current;
    if (file?.isOpen !== true || this.#series.waiting === 0 || file.hasRest) return false;
    await this.#series.finish();
    return true;
  }

  async #giveUp(file: FollowedFile, error: CliError): Promise<void> {
    this.#series.gaps++;
    this.#looks = 0;
    const at = `it is appended up to byte ${file.mark.bytes}, decompressed`;
    await this.#options.note(`annals: ${error.message} (${error.code}): ${at}`);
    await this.#series.finish();
  }

  async #begin({ epoch, sequence }: ProducerStamp, requests: readonly Request[]): Promise<void> {
    this.#sent = sentOf(this.#series.current?.trail ?? NO_TRAIL, requests);
    await this.#write(epoch, sequence);
  }

  #accepted(block: Block, reply: AppendReply | undefined): void {
    this.#sent = this.#sent.filter(({ from }) => from > block.from);
    this.#series.current?.accepted(block);
    this.#series.changes++;
    this.#tally.accepted(block, reply);
  }

  async #fault(fault: LineFault): Promise<void> {
    const { deadLetters, note, path } = this.#options;
    const file = this.#series.current;
    const place = { file: file?.path ?? path, line: (file?.lines ?? 0) + 1, byte: fault.from };
    this.#sent = [];
    if (deadLetters === undefined) {
      await this.#save();
      const form = file?.content === undefined ? undefined : await formOf(file.content);
      const hint =
        form === undefined
          ? "all before this line is appended; --dead-letters FILE keeps such lines and goes on"
          : `the file is ${form.what}: ${form.command} makes JSON lines of it`;
      throw faultError(place, fault, hint);
    }
    await keepLetter(deadLetters, place, fault, note);
    file?.passed(fault);
    this.#series.changes++;
    this.#tally.letter();
  }

  async #save(): Promise<void> {
    const { epoch, sequence } = this.#sender.stamp;
    const last = this.#sent.at(-1)?.sequence ?? sequence;
    if (this.#savedChanges !== this.#series.changes || epoch !== this.#saved.epoch)
      await this.#write(epoch, last);
  }

  async #write(epoch: number, sequence: number): Promise<void> {
    const { changes, state } = this.#series;
    const { log, producer } = this.#saved;
    this.#saved = { log, producer, epoch, sequence, ...state, sent: this.#sent };
    this.#savedChanges = changes;
    await this.#stateFile.write(this.#saved);
  }

  /** Outlives the outages of the cluster. */
  async #append(bytes: Uint8Array<ArrayBuffer>, producer: ProducerStamp): Promise<AppendReply> {
    const { client, log } = this.#options;
    const body = { contentType: "application/x-ndjson", bytes } as const;
    let isUnknown = false;
    try {
      return await this.#retrying(async () => {
        try {
          return await client.append(log, body, { producer });
        } catch (error) {
          isUnknown ||= error instanceof ClientError && error.retryable && !error.notAccepted;
          throw error;
        }
      });
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      // The lock does not reach other machines.
      if (error.code === "ERR_PRODUCER_FENCED") throw concurrent(this.#stateFile.path, error);
      throw isUnknown && error.notAccepted ? error.afterUnknown() : error;
    }
  }

  async #isStored({ id, epoch, sequence }: ProducerStamp): Promise<boolean> {
    const { client, log } = this.#options;
    const latest = await this.#retrying(() => client.producer(log, id));
    return latest?.epoch === epoch && latest.sequence >= sequence;
  }

  /** Tries again until the interrupt. */
  async #retrying<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const { interrupt, note } = this.#options;
        const isTransient = error instanceof ClientError && error.retryable;
        if (!isTransient || interrupt.aborted) throw error;
        if (attempt === 1) await note(`annals: ${error.message} (${error.code}): tried again`);
        await delay(RETRY_MS, undefined, { signal: interrupt }).catch(() => undefined);
      }
    }
  }
}
