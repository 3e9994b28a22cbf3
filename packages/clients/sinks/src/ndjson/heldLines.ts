import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseExactly } from "@annals/client";
import type { StoredRecord } from "@annals/client";
import type { Held } from "../sink.ts";
import { valueHash } from "../valueHash.ts";
import { isCursorLine } from "./cursorLine.ts";

const SUFFIX = ".ndjson";

interface Line {
  readonly seq: number;
  readonly text: string;
}

/**
 * What the files of an NDJSON sink hold, read once from the front as it is asked for, one line at a time. Needs no lock: what a runner has
 * committed does not change.
 */
export class HeldLines {
  readonly #directory: string;
  #lines: AsyncGenerator<Line, void> | undefined;
  /** Was read, and belongs to a later stretch. */
  #ahead: Line | undefined;
  #next = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Of [from, to]; and what was behind its place in the files, as after a replay. */
  async stretch(from: number, to: number): Promise<readonly Held[]> {
    if (this.#lines === undefined || from < this.#next) {
      await this.close();
      this.#lines = linesOf(this.#directory, from);
    }
    const held: Held[] = [];
    for (;;) {
      const line = this.#ahead ?? (await this.#lines.next()).value ?? undefined;
      this.#ahead = undefined;
      if (line === undefined) break;
      if (line.seq > to) {
        this.#ahead = line;
        break;
      }
      // The first file may begin before.
      if (line.seq >= from || this.#next > 0) held.push(heldOf(line));
    }
    this.#next = to + 1;
    return held;
  }

  async close(): Promise<void> {
    await this.#lines?.return();
    this.#lines = undefined;
    this.#ahead = undefined;
    this.#next = 0;
  }
}

function heldOf({ seq, text }: Line): Held {
  try {
    return { seq, hash: valueHash(parseExactly(text) as StoredRecord) };
  } catch {
    return { seq, hash: "", note: "its line is no JSON" };
  }
}

async function* linesOf(directory: string, from: number): AsyncGenerator<Line, void> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(SUFFIX)).toSorted();
  const start = Math.max(
    0,
    names.findLastIndex((name) => Number.parseInt(name, 10) <= from),
  );
  let last = 0;
  for (const name of names.slice(start)) {
    const input = createReadStream(join(directory, name));
    try {
      for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
        if (isCursorLine(text)) continue;
        const seq = Number(/^\{"seq":(\d{1,16})[,}]/.exec(text)?.[1] ?? last + 1);
        yield { seq, text };
        last = seq;
      }
    } finally {
      input.destroy();
    }
  }
}
