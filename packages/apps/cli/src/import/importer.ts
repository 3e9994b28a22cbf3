import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { ClientError } from "@annals/client";
import type { AnnalsClient, AppendReply } from "@annals/client";
import type { ProducerStamp } from "@annals/record";
import { CliError, exitCodeOf, usageError } from "../program/cliError.ts";
import type { Block } from "./block.ts";
import { isLongLine } from "./blockReader.ts";
import { contentOf, openFile, streamOf } from "../follow/content.ts";
import { pipeOf } from "./pipe.ts";
import { unreadable } from "../program/textFile.ts";
import type { Content } from "../follow/content.ts";
import { FollowedFile, NOWHERE } from "../follow/followedFile.ts";
import { blankPlace, blankState } from "../follow/followState.ts";
import type { FilePlace, FollowState, SentRequest } from "../follow/followState.ts";
import { standText } from "./importReport.ts";
import { tooLong } from "./lineFault.ts";
import type { LineFault } from "./lineFault.ts";
import { faultError, formOf, keepLetter } from "./lineReport.ts";
import { Sender } from "./sender.ts";
import type { Request } from "./sender.ts";
import { blockOfSent, sentOf } from "./sentRequests.ts";
import { concurrent, StateFile } from "../follow/stateFile.ts";
import { Tally } from "./tally.ts";
import type { Appended } from "./tally.ts";
import { NO_TRAIL } from "../follow/trail.ts";

export interface ImportOptions {
  readonly client: AnnalsClient;
  readonly log: string;
  /** As they were given; `-` for stdin. */
  readonly files: readonly string[];
  readonly cwd: string;
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** Where it remembers how far it is, if it does. */
  readonly statePath: string | undefined;
  readonly deadLetters: string | undefined;
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly note: (text: string) => Promise<void>;
  /** Bytes of the files that are read, of all if that is known, else 0; records in the log. */
  readonly onProgress: (done: number, total: number, records: number) => void;
  readonly interrupt: AbortSignal;
}

/** Requests on their way at a time. */
const WINDOW = 4;
/** A state lists every file of its import. */
const STATE_FILES_MAX = 1024;

/** Appends files to their ends, one after the other, with several requests on their way. */
export class Importer {
  readonly #options: ImportOptions;
  readonly #stateFile: StateFile | undefined;
  readonly #sender: Sender;
  readonly #tally = new Tally();
  readonly #found: FollowState;
  /** Files of the state other than the one that is read. */
  readonly #places: Map<string, FilePlace>;
  #file: FollowedFile | undefined;
  #name = "";
  #filesBehind: readonly string[] = [];
  #recordsBefore = 0;
  #bytesBefore = 0;
  #total = 0;

  private constructor(options: ImportOptions, stateFile: StateFile | undefined) {
    const { client, log } = options;
    this.#options = options;
    this.#stateFile = stateFile;
    this.#found = stateFile?.found ?? blankState(log, `cli-${randomUUID()}`);
    this.#places = new Map(this.#found.files.map((place) => [place.path, place]));
    const { producer: id, epoch, sequence, sent } = this.#found;
    this.#sender = new Sender(
      {
        append: (bytes, producer) => this.#append(bytes, producer),
        nextEpoch: () => client.nextEpoch(log, id),
        isStored: async (stamp) => (await this.#latestIn(stamp.epoch)) >= stamp.sequence,
        begin: (stamp, requests) => this.#begin(stamp, requests),
        accepted: (block, reply) => this.#accepted(block, reply),
        fault: (fault) => this.#fault(fault),
      },
      { id, epoch, sequence: sequence - sent.length },
      WINDOW,
    );
  }

  /** Rejects with what ended it, and with what is in the log by then. */
  static async run(options: ImportOptions): Promise<Appended> {
    const { statePath, log, files } = options;
    if (files.filter((one) => one === "-").length > 1)
      throw usageError("stdin (-) can be read once");
    if (statePath !== undefined && files.length > STATE_FILES_MAX)
      throw usageError(`--state takes ${STATE_FILES_MAX} files at most, these are ${files.length}`);
    const stateFile = statePath === undefined ? undefined : await StateFile.open(statePath, log);
    const importer = new Importer(options, stateFile);
    try {
      await importer.#readAll();
    } finally {
      stateFile?.release();
    }
    return importer.#tally.result(log, 0);
  }

  async #readAll(): Promise<void> {
    const { files, cwd } = this.#options;
    this.#total = await totalOf(files, cwd);
    await this.#resume();
    for (const [k, name] of files.entries()) {
      this.#filesBehind = files.slice(k + 1);
      await this.#readFile(name);
    }
    await this.#write(this.#sender.stamp, []);
  }

  async #readFile(name: string): Promise<void> {
    this.#name = name;
    const content = await this.#open(name);
    const path = this.#pathOf(name);
    const file = new FollowedFile(
      this.#places.get(path) ?? blankPlace(path, NOWHERE),
      this.#options.deadLetters !== undefined,
    );
    this.#places.delete(path);
    this.#file = file;
    this.#tally.begin(name === "-" ? "stdin" : name);
    try {
      await this.#assertForm(content, file, name);
      if (!(await file.take(content, path, NOWHERE))) throw changed(name, file.mark.bytes);
      await this.#send(file, content);
      await this.#sender.drain();
    } catch (error) {
      throw await this.#endedBy(error);
    } finally {
      await content.close();
    }
    this.#bytesBefore += content.bytesTaken;
    this.#recordsBefore = this.#tally.count;
    this.#places.set(path, file.place);
    this.#file = undefined;
  }

  async #send(file: FollowedFile, content: Content): Promise<void> {
    const { interrupt } = this.#options;
    const isInterrupted = new Promise<"interrupted">((done) => {
      interrupt.addEventListener("abort", () => done("interrupted"), { once: true });
      if (interrupt.aborted) done("interrupted");
    });
    for (;;) {
      const next = file.next(this.#options, true);
      const found = await Promise.race([isInterrupted, next]);
      if (found === "interrupted" || interrupt.aborted) {
        next.catch(() => undefined);
        throw new CliError("ERR_INTERRUPTED", "interrupted");
      }
      if (found === undefined) return;
      this.#tellProgress(content);
      await this.#sender.push(isLongLine(found) ? tooLong(found) : { kind: "send", block: found });
    }
  }

  #tellProgress(content: Content): void {
    const done = this.#bytesBefore + content.bytesTaken;
    this.#options.onProgress(done, this.#total, this.#tally.count);
  }

  #pathOf(name: string): string {
    return name === "-" ? name : resolve(this.#options.cwd, name);
  }

  async #open(name: string): Promise<Content> {
    if (name === "-") return streamOf(this.#options.stdin(), "stdin");
    const path = this.#pathOf(name);
    const isPipe = (await stat(path).catch(() => undefined))?.isFIFO() ?? false;
    if (isPipe) return streamOf(pipeOf(path, this.#options.interrupt), name);
    const handle = await openFile(path);
    if (handle === undefined) throw unreadable(name, new Error("it is gone"));
    return contentOf(handle, name);
  }

  /** A file that holds no JSON lines is refused before anything of it is sent. */
  async #assertForm(content: Content, file: FollowedFile, name: string): Promise<void> {
    if (file.mark.bytes > 0) return;
    const form = await formOf(content);
    if (form === undefined) return;
    const command = form.command.replace("FILE", name === "-" ? "" : name).trimEnd();
    throw new CliError(
      "ERR_FILE_FORM",
      `${name === "-" ? "stdin" : name} is ${form.what}; one JSON record a line is taken`,
      { hint: `\`${command} | annals append - --log ${this.#options.log}\`` },
    );
  }

  /**
   * Requests of the run before whose answers nobody knows: those that are in the log are passed,
   * the others sent again.
   */
  async #resume(): Promise<void> {
    const { epoch, files, sent } = this.#found;
    const [place] = files;
    if (epoch === 0) return;
    if (place !== undefined && sent.length > 0) {
      const latest = await this.#latestIn(epoch);
      const stored = sent.filter(({ sequence }) => sequence <= latest);
      const lines = stored.reduce((sum, { lineEnds }) => sum + lineEnds, place.lines);
      const mark = stored.at(-1)?.mark ?? place.mark;
      this.#places.set(place.path, { ...place, mark, lines, seen: mark });
      await this.#sendAgain(place.path, sent.slice(stored.length));
    }
    await this.#sender.beginEpoch();
  }

  async #sendAgain(path: string, sent: readonly SentRequest[]): Promise<void> {
    const name = this.#options.files.find((one) => this.#pathOf(one) === path);
    const place = this.#places.get(path);
    if (sent.length === 0 || place === undefined) return;
    if (name === undefined || name === "-")
      throw usageError(`${path} was on its way when this command ended: name it again`);
    const content = await this.#open(name);
    const file = new FollowedFile(place, false);
    this.#name = name;
    this.#file = file;
    this.#tally.begin(name);
    try {
      if (!(await file.take(content, path, NOWHERE))) throw changed(name, place.mark.bytes);
      for (const one of sent) {
        const block = await blockOfSent(content, one);
        if (block === undefined) throw changed(name, one.to);
        await this.#sender.push({ kind: "send", block });
      }
      await this.#sender.drain();
    } catch (error) {
      throw await this.#endedBy(error);
    } finally {
      await content.close();
    }
    this.#places.set(path, file.place);
    this.#file = undefined;
  }

  /** The last request of the producer that the log has in an epoch; 0 for none. */
  async #latestIn(epoch: number): Promise<number> {
    const { client, log } = this.#options;
    const latest = await client.producer(log, this.#found.producer);
    return latest?.epoch === epoch ? latest.sequence : 0;
  }

  async #append(bytes: Uint8Array<ArrayBuffer>, producer: ProducerStamp): Promise<AppendReply> {
    const { client, log } = this.#options;
    try {
      return await client.append(log, { contentType: "application/x-ndjson", bytes }, { producer });
    } catch (error) {
      const isFenced = error instanceof ClientError && error.code === "ERR_PRODUCER_FENCED";
      throw isFenced ? concurrent(this.#stateFile?.path ?? producer.id, error) : error;
    }
  }

  async #begin(stamp: ProducerStamp, requests: readonly Request[]): Promise<void> {
    if (this.#stateFile === undefined) return;
    await this.#write(stamp, sentOf(this.#file?.trail ?? NO_TRAIL, requests));
  }

  async #write(stamp: ProducerStamp, sent: readonly SentRequest[]): Promise<void> {
    const { epoch, sequence } = stamp;
    const current = this.#file === undefined ? [] : [this.#file.place];
    const files = [...current, ...this.#places.values()];
    await this.#stateFile?.write({ ...this.#found, epoch, sequence, files, sent });
  }

  #accepted(block: Block, reply: AppendReply | undefined): void {
    this.#file?.accepted(block);
    this.#tally.accepted(block, reply);
  }

  async #fault(fault: LineFault): Promise<void> {
    const { deadLetters, note } = this.#options;
    const file = this.#name === "-" ? "stdin" : this.#name;
    const place = { file, line: (this.#file?.lines ?? 0) + 1, byte: fault.from };
    if (deadLetters === undefined) throw faultError(place, fault, this.#stand(0));
    await keepLetter(deadLetters, place, fault, note);
    this.#file?.passed(fault);
    this.#tally.letter();
  }

  /** What is in the log, once nothing more can come. */
  #stand(unknownLines: number): string {
    const { log, statePath } = this.#options;
    return standText({
      file: this.#name,
      compression: this.#file?.content?.compression,
      lines: this.#file?.lines ?? 0,
      records: this.#tally.count - this.#recordsBefore,
      unknownLines,
      recordsBefore: this.#recordsBefore,
      filesBehind: this.#filesBehind,
      log,
      hasState: statePath !== undefined,
    });
  }

  /**
   * Waits until it is known what of the requests on their way is in the log, as far as anybody can
   * tell.
   */
  async #endedBy(cause: unknown): Promise<unknown> {
    let error = cause;
    let unknownLines = 0;
    await this.#sender.drain().catch((failure: unknown) => {
      error = failure;
    });
    if (this.#sender.requests.length > 0 && !isKnown(error)) {
      const latest = await this.#latestIn(this.#sender.stamp.epoch).catch(() => 0);
      this.#sender.takeStored(latest);
      unknownLines = this.#sender.lineEnds;
    }
    await this.#write(this.#sender.stamp, this.#left()).catch(() => undefined);
    const { interrupt, note } = this.#options;
    if (interrupt.aborted) await note(`annals: ${this.#stand(unknownLines)}`);
    // A line that ended it has said so.
    if (error instanceof CliError && error.hint?.includes("in the log") === true) return error;
    if (!(error instanceof Error)) return error;
    const code = "code" in error && /^ERR_[A-Z_]+$/.test(String(error.code)) ? error.code : "";
    if (code === "" || (error instanceof CliError && error.code === "ERR_FILE_FORM")) return error;
    const line = (this.#file?.lines ?? 0) + 1;
    const name = this.#name === "-" ? "stdin" : this.#name;
    return new CliError(code as `ERR_${string}`, `${name}:${line}: ${error.message}`, {
      exitCode: exitCodeOf(error),
      hint: this.#stand(unknownLines),
      cause: error,
    });
  }

  #left(): readonly SentRequest[] {
    return sentOf(this.#file?.trail ?? NO_TRAIL, this.#sender.requests);
  }
}

/** Whether an error says that nothing of its request is in the log. */
function isKnown(error: unknown): boolean {
  return error instanceof ClientError && error.notAccepted;
}

function changed(name: string, bytes: number): CliError {
  return new CliError(
    "ERR_FOLLOW_CHANGED",
    `${name} is not what it was when its first ${bytes} bytes were appended`,
    { hint: "append what is new by itself, or with another --state" },
  );
}

/**
 * Bytes of all files; 0 when one of them is a pipe. Throws for what is no file, before anything is
 * sent.
 */
async function totalOf(files: readonly string[], cwd: string): Promise<number> {
  const sizes = await Promise.all(
    files.map(async (name) => {
      if (name === "-") return Number.NaN;
      const found = await stat(resolve(cwd, name)).catch((error: unknown) => {
        throw unreadable(name, error);
      });
      if (found.isDirectory())
        throw new CliError("ERR_FILE_UNREADABLE", `${name} is a directory`, {
          hint: `name its files: annals append ${name.replace(/\/$/, "")}/*.ndjson`,
        });
      return found.isFile() ? found.size : Number.NaN;
    }),
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return Number.isNaN(total) ? 0 : total;
}
