import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/**
 * What a power cut leaves at any point of a traced run, by the strictest reading of POSIX: a file's bytes as of its last flush, plus the
 * writes through a synced descriptor; a name in a directory as of the last flush of that directory; nothing else.
 */
export class DurableImage {
  /** Flushed bytes by the path that the file has now. */
  readonly #contents = new Map<string, Buffer>();
  /** Names that a directory had when it was last flushed, by the path that it has now. */
  readonly #names = new Map<string, readonly string[]>();

  /** Everything in `directory` is durable to begin with. */
  constructor(directory: string) {
    if (existsSync(directory)) this.#take(directory, ".", true);
  }

  #take(root: string, path: string, deep: boolean): void {
    const full = join(root, path);
    if (!lstatSync(full).isDirectory()) {
      this.#contents.set(path, readFileSync(full));
      return;
    }
    const names = readdirSync(full);
    this.#names.set(path, names);
    if (deep) for (const name of names) this.#take(root, child(path, name), true);
  }

  /** Takes over one line of the trace; `volatile` is the copy of the directory that was made right after it. */
  apply(line: string, volatile: string): void {
    const [event = "", path = "", ...rest] = line.split(" ");
    if (event === "synced") this.#take(volatile, path, false);
    if (event === "patched") this.#patch(path, Number(rest[0]), Number(rest[1]), volatile);
    if (event === "renamed") this.#rename(path, rest[0] ?? "");
  }

  #patch(path: string, offset: number, length: number, volatile: string): void {
    const now = readFileSync(join(volatile, path));
    const old = this.#contents.get(path) ?? Buffer.alloc(0);
    const patched = Buffer.alloc(Math.max(old.length, offset + length));
    patched.set(old);
    patched.set(now.subarray(offset, offset + length), offset);
    this.#contents.set(path, patched);
  }

  /** What was flushed under the old name belongs to the file under its new one; the name itself waits for its directory. */
  #rename(from: string, to: string): void {
    moveKeys(this.#contents, from, to);
    moveKeys(this.#names, from, to);
  }

  /** Writes what would be found after the power has come back. */
  write(target: string): void {
    mkdirSync(target, { recursive: true });
    this.#writeNames(target, ".");
  }

  #writeNames(target: string, path: string): void {
    for (const name of this.#names.get(path) ?? []) {
      if (name === "lock.mdb") continue;
      const below = child(path, name);
      const full = join(target, below);
      if (this.#names.has(below)) {
        mkdirSync(full, { recursive: true });
        this.#writeNames(target, below);
      } else if (name.includes("segment") || name === "unfinished")
        mkdirSync(full, { recursive: true });
      else {
        mkdirSync(dirname(full), { recursive: true });
        // A name without flushed bytes is an empty file.
        writeFileSync(full, this.#contents.get(below) ?? Buffer.alloc(0));
      }
    }
  }
}

function child(path: string, name: string): string {
  return `${path}/${name}`;
}

function moveKeys<Value>(map: Map<string, Value>, from: string, to: string): void {
  for (const [path, value] of map) {
    if (path !== from && !path.startsWith(`${from}/`)) continue;
    map.delete(path);
    map.set(to + path.slice(from.length), value);
  }
}
