import type { AppendReply } from "@annals/client";
import type { Block } from "./block.ts";

/** Files that a result lists one by one: the last ones. */
const FILES_TOLD_MAX = 64;

export interface FileCount {
  readonly file: string;
  readonly lines: number;
  readonly records: number;
  readonly deadLetters: number;
}

/** What one run has appended. */
export interface Appended {
  readonly log: string;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  /** Records. */
  readonly count: number;
  readonly deadLetters: number;
  /** Places where lines of followed files may be missing; each was told. */
  readonly gaps: number;
  readonly files: readonly FileCount[];
}

/** Counts what is in the log. */
export class Tally {
  #firstSeq: number | null = null;
  #lastSeq: number | null = null;
  #count = 0;
  #deadLetters = 0;
  readonly #files: { file: string; lines: number; records: number; deadLetters: number }[] = [];

  /** What comes is of this file. */
  begin(file: string): void {
    if (this.#files.at(-1)?.file === file) return;
    this.#files.push({ file, lines: 0, records: 0, deadLetters: 0 });
    if (this.#files.length > FILES_TOLD_MAX) this.#files.shift();
  }

  accepted({ records, lineEnds }: Block, reply: AppendReply | undefined): void {
    const file = this.#files.at(-1);
    if (file !== undefined) {
      file.lines += lineEnds;
      file.records += records;
    }
    this.#count += records;
    if (reply === undefined) return;
    this.#firstSeq ??= reply.firstSeq;
    this.#lastSeq = reply.lastSeq;
  }

  letter(): void {
    const file = this.#files.at(-1);
    if (file !== undefined) {
      file.lines++;
      file.deadLetters++;
    }
    this.#deadLetters++;
  }

  get count(): number {
    return this.#count;
  }

  get deadLetters(): number {
    return this.#deadLetters;
  }

  result(log: string, gaps: number): Appended {
    return {
      log,
      firstSeq: this.#firstSeq,
      lastSeq: this.#lastSeq,
      count: this.#count,
      deadLetters: this.#deadLetters,
      gaps,
      files: this.#files,
    };
  }
}
