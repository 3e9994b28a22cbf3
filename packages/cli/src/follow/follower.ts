import { createHash, randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ClientError } from "@annals/client";
import type { AnnalsClient, AppendReply, EncodedRecords } from "@annals/client";
import { AnnalsError } from "@annals/record";
import { PathLock } from "@annals/storage";
import { CliError } from "../cliError.ts";
import { writeDeadLetter } from "./deadLetters.ts";
import { blockOf, FollowedFile } from "./followedFile.ts";
import type { Block } from "./followedFile.ts";
import { readState, writeState } from "./followState.ts";
import type { FollowState } from "./followState.ts";

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
  /** What is in the file by then is still appended. */
  readonly interrupt: AbortSignal;
}

/** What was appended in one run. */
export interface Followed {
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  readonly count: number;
}

const POLL_MS = 200;
/** Looks at a renamed file that find nothing more in it, until it counts as finished: its writer may change over late. */
const LAST_LOOKS = 5;
const RETRY_MS = 1000;

/**
 * Appends the lines of a growing file, each once, over crashes of this command and of the cluster. One request is on its way at a time;
 * where it lies in the file is made durable before it is sent, so after a crash the same bytes are sent under the same number, which the
 * log recognises.
 */
export class Follower {
  readonly #options: FollowOptions;
  #file: FollowedFile | undefined;
  #state: FollowState;
  /** Whether the state on disk is older than `#state`. */
  #dirty = false;
  #firstSeq: number | null = null;
  #lastSeq: number | null = null;
  #count = 0;

  private constructor(options: FollowOptions, state: FollowState) {
    this.#options = options;
    this.#state = state;
  }

  /** Runs until the interrupt; rejects with what cannot be mended by waiting. */
  static async run(options: FollowOptions): Promise<Followed> {
    const lock = lockOf(options.statePath);
    try {
      return await Follower.#runAlone(options);
    } finally {
      lock.release();
    }
  }

  static async #runAlone(options: FollowOptions): Promise<Followed> {
    const known = await readState(options.statePath, options.log);
    const follower = new Follower(options, known ?? blankState(options.log));
    try {
      if (known !== undefined) await follower.#resume(known);
      await follower.#follow();
      await follower.#save();
    } finally {
      await follower.#file?.close();
    }
    return { firstSeq: follower.#firstSeq, lastSeq: follower.#lastSeq, count: follower.#count };
  }

  /** Finds the file of the run before, and sends its last request again if nobody knows the answer. */
  async #resume(known: FollowState): Promise<void> {
    const { path, note } = this.#options;
    if (known.inode !== "") this.#file = await FollowedFile.find(path, known);
    if (this.#file === undefined) {
      if (known.offset > 0 || known.sent !== undefined)
        await note(
          `annals: the file that was followed up to byte ${known.offset} is gone or truncated`,
        );
      this.#startOver();
    } else if (known.sent !== undefined) {
      const { from, to, sha256, records } = known.sent;
      const block = blockOf(await this.#file.read(from, to), from);
      const body = block === undefined ? undefined : bodyOf(block);
      if (block?.to !== to || body === undefined || digest(body) !== sha256)
        throw this.#changed(`bytes ${from} to ${to} are not those that were sent`);
      await this.#settle(block, body, records);
    }
    // A command that still runs with this state must not go on: its epoch is over with our first request.
    await this.#beginEpoch();
  }

  #startOver(): void {
    const head = { bytes: 0, sha256: digest(new Uint8Array(0)) };
    const inode = this.#file?.inode ?? "";
    this.#state = { ...this.#state, inode, head, offset: 0, lines: 0, sent: undefined };
    this.#dirty = true;
  }

  async #follow(): Promise<void> {
    const { path, interrupt, maxBytes, maxRecords, note } = this.#options;
    let end: number | undefined;
    let looks = 0;
    for (;;) {
      if (this.#file === undefined) {
        this.#file = await FollowedFile.open(path);
        this.#startOver();
      }
      const size = (await this.#file?.size()) ?? 0;
      if (interrupt.aborted) end ??= size;
      if (end !== undefined && this.#state.offset >= end) return;
      if (size < this.#state.offset) {
        await note(`annals: ${path} was truncated: it is appended from its beginning`);
        this.#startOver();
      }
      const isFinal = looks >= LAST_LOOKS;
      const block = await this.#file?.block(this.#state.offset, maxBytes, maxRecords, isFinal);
      if (block !== undefined) {
        await this.#append(block);
        continue;
      }
      if (end !== undefined) return;
      await this.#save();
      if (isFinal) {
        await note(`annals: ${path} was renamed: the next one is appended from its beginning`);
        await this.#file?.close();
        this.#file = undefined;
        looks = 0;
        continue;
      }
      looks = (await this.#isRotated()) ? looks + 1 : 0;
      await delay(POLL_MS, undefined, { signal: interrupt }).catch(() => undefined);
    }
  }

  /** Another file has the name; while none has it, the one that is open may still grow. */
  async #isRotated(): Promise<boolean> {
    const found = await stat(this.#options.path, { bigint: true }).catch(() => undefined);
    return (
      found !== undefined && this.#file !== undefined && String(found.ino) !== this.#file.inode
    );
  }

  async #append(block: Block): Promise<void> {
    const { lines, from, to } = block;
    if (lines.length === 0) return this.#advance(block);
    const body = bodyOf(block);
    const { epoch } = this.#state;
    if (epoch === 0) await this.#beginEpoch();
    const sent = { from, to, records: lines.length, sha256: digest(body) };
    this.#state = { ...this.#state, sequence: this.#state.sequence + 1, sent };
    this.#dirty = true;
    await this.#save();
    return this.#settle(block, body, lines.length);
  }

  async #beginEpoch(): Promise<void> {
    const { client, log } = this.#options;
    const { producer, epoch } = this.#state;
    const next = await this.#retrying(() => client.nextEpoch(log, producer));
    this.#state = { ...this.#state, epoch: Math.max(next, epoch + 1), sequence: 0 };
  }

  /** Sends the request until its answer is known. */
  async #settle(block: Block, body: Uint8Array<ArrayBuffer>, records: number): Promise<void> {
    const { client, log } = this.#options;
    const { producer: id, epoch, sequence } = this.#state;
    const encoded: EncodedRecords = { contentType: "application/x-ndjson", bytes: body };
    const producer = { id, epoch, sequence };
    let reply: AppendReply;
    try {
      reply = await this.#retrying(() => client.append(log, encoded, { producer }));
    } catch (error) {
      return this.#refused(block, error);
    }
    if (reply.count !== records)
      throw this.#changed(`bytes ${block.from} to ${block.to} were sent with other lines before`);
    this.#firstSeq ??= reply.firstSeq;
    this.#lastSeq = reply.lastSeq;
    this.#count += reply.count;
    return this.#advance(block);
  }

  async #refused(block: Block, error: unknown): Promise<void> {
    if (!(error instanceof ClientError)) throw error;
    const { code, notAccepted, details } = error;
    // The lock does not reach other machines.
    if (code === "ERR_PRODUCER_FENCED") throw concurrent(this.#options.statePath, error);
    if (code === "ERR_PRODUCER_FORGOTTEN" && notAccepted && this.#state.sequence === 1) {
      await this.#beginEpoch();
      return this.#append(block);
    }
    const { position } = details;
    if (typeof position !== "number") throw error;
    // Nothing of the request was stored, so its number is free.
    this.#state = { ...this.#state, sequence: this.#state.sequence - 1, sent: undefined };
    return this.#withoutLine(block, position, error);
  }

  /** What precedes the bad line is appended by itself; then the line ends the command, or becomes a dead letter. */
  async #withoutLine(block: Block, position: number, error: ClientError): Promise<void> {
    const { path, deadLetters, note } = this.#options;
    const bad = block.lines[position];
    if (bad === undefined) throw error;
    // Lines of the block that are behind us when the bad one is looked at.
    const done = position > 0 ? bad.number : 0;
    if (position > 0) {
      const lines = block.lines.slice(0, position);
      await this.#append({ from: block.from, to: bad.at, lines, lineEnds: done });
    }
    const line = this.#state.lines + bad.number - done + 1;
    const where = `${path}:${line}, byte ${bad.at}`;
    if (deadLetters === undefined) {
      await this.#save();
      throw new CliError(error.code as `ERR_${string}`, `${where}: ${error.message}`, {
        hint: "all before this line is appended; --dead-letters FILE keeps such lines and goes on",
        cause: error,
      });
    }
    const text = new TextDecoder().decode(bad.bytes);
    const letter = {
      file: path,
      line,
      byte: bad.at,
      code: error.code,
      reason: error.message,
      text,
    };
    await writeDeadLetter(deadLetters, letter);
    await note(`annals: ${where}: ${error.message} (${error.code}): kept in ${deadLetters}`);
    const next = block.lines[position + 1];
    const from = this.#state.offset;
    const to = next?.at ?? block.to;
    const lineEnds = (next?.number ?? block.lineEnds) - done;
    this.#advance({ from, to, lines: [], lineEnds });
  }

  #advance({ to, lineEnds }: Block): void {
    const { lines } = this.#state;
    this.#state = { ...this.#state, offset: to, lines: lines + lineEnds, sent: undefined };
    this.#dirty = true;
  }

  async #save(): Promise<void> {
    if (!this.#dirty || this.#file === undefined) return;
    const { head, sent, offset } = this.#state;
    const known = sent?.to ?? offset;
    if (head.bytes < known) this.#state = { ...this.#state, head: await this.#file.headOf(known) };
    await writeState(this.#options.statePath, this.#state);
    this.#dirty = false;
  }

  /** Outlives the outages of the cluster; an interrupt ends the waiting. */
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

  #changed(what: string): CliError {
    const { path, statePath } = this.#options;
    return new CliError("ERR_FOLLOW_CHANGED", `${path}: ${what}`, {
      hint: `the file or the rules have changed: see with \`annals query\` what is appended, then remove ${statePath}, or set its offset`,
    });
  }
}

function lockOf(statePath: string): PathLock {
  try {
    return new PathLock(`${statePath}.lock`);
  } catch (error) {
    const isTaken = error instanceof AnnalsError && error.code === "ERR_DATA_IN_USE";
    throw isTaken ? concurrent(statePath, error) : error;
  }
}

function concurrent(statePath: string, cause: unknown): CliError {
  return new CliError("ERR_FOLLOW_CONCURRENT", `another command follows with ${statePath}`, {
    hint: "stop one of the two",
    cause,
  });
}

function blankState(log: string): FollowState {
  return {
    log,
    producer: `follow-${randomUUID()}`,
    epoch: 0,
    sequence: 0,
    inode: "",
    head: { bytes: 0, sha256: digest(new Uint8Array(0)) },
    offset: 0,
    lines: 0,
    sent: undefined,
  };
}

function bodyOf({ lines }: Block): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(lines.reduce((sum, line) => sum + line.bytes.length + 1, 0));
  let at = 0;
  for (const line of lines) {
    bytes.set(line.bytes, at);
    at += line.bytes.length;
    bytes[at++] = 0x0a;
  }
  return bytes;
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
