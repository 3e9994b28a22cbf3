import { CliError } from "../program/cliError.ts";

/** What happened to one file in one commit. */
export interface FileChange {
  readonly kind: "added" | "modified" | "deleted" | "renamed";
  /** UTF-8; where the path is not, the parts that are not are replaced and `pathBytes` has it whole. */
  readonly path: string;
  readonly pathBytes: Uint8Array | undefined;
  /** Where a renamed file was. */
  readonly oldPath: string | undefined;
  /** Undefined where there is no file. */
  readonly before: FileState | undefined;
  readonly after: FileState | undefined;
}

export interface FileState {
  readonly blob: string;
  /** As git writes it: 100644, 100755, 120000 (a link), 160000 (a submodule, whose blob is a commit). */
  readonly mode: string;
}

export interface Commit {
  readonly id: string;
  readonly parents: readonly string[];
  readonly authorName: string;
  readonly authorEmail: string;
  /** Commit time in seconds since 1970. */
  readonly time: number;
  readonly subject: string;
  /** Relative to the first parent. */
  readonly changes: readonly FileChange[];
}

/** How git has to be asked so that `parseLog` understands: every option that changes the output is set, whatever the user's settings. */
const LOG_ARGUMENTS: readonly string[] = [
  "-c",
  "log.showRoot=true",
  "-c",
  "log.showSignature=false",
  "-c",
  "diff.renames=true",
  "-c",
  "diff.ignoreSubmodules=none",
  "log",
  "--topo-order",
  "--reverse",
  "--raw",
  "-z",
  "--no-abbrev",
  "--no-color",
  "--no-ext-diff",
  "--no-textconv",
  "--no-mailmap",
  "--no-notes",
  "--encoding=UTF-8",
  "--find-renames=50%",
  "-l1000",
  "--format=%x01%H%x00%P%x00%an%x00%ae%x00%ct%x00%s",
];

/** Every commit, parents first; of a merge what differs from all its parents. */
export const ALL_COMMITS: readonly string[] = [...LOG_ARGUMENTS, "--diff-merges=combined"];

/** The commits of the main line, each beside the one before it: of a merge all that it brought there. In the order of ALL_COMMITS. */
export const MAIN_LINE: readonly string[] = [
  ...LOG_ARGUMENTS,
  "--first-parent",
  "--diff-merges=first-parent",
];

const TOKEN_BYTES_MAX = 1 << 20;
const CHANGES_MAX = 1_000_000;
const NO_BLOB = /^0+$/;

/** Reads the output of `git log` with these arguments; holds one commit at a time. */
export async function* parseLog(output: AsyncIterable<Uint8Array>): AsyncGenerator<Commit, void> {
  const state = new LogState();
  for await (const token of nulTokens(output)) {
    const commit = state.push(token);
    if (commit !== undefined) yield commit;
  }
  const last = state.end();
  if (last !== undefined) yield last;
}

function malformed(what: string): CliError {
  return new CliError("ERR_GIT_OUTPUT", `git printed something unexpected: ${what}`);
}

/** Pieces between NUL bytes; the last one needs none after it. */
async function* nulTokens(output: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const part of output) {
    let bytes = part;
    if (rest.length > 0) {
      bytes = new Uint8Array(rest.length + part.length);
      bytes.set(rest);
      bytes.set(part, rest.length);
    }
    let start = 0;
    for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > TOKEN_BYTES_MAX) throw malformed("a field without an end");
  }
  if (rest.length > 0) yield rest;
}

interface RawChange {
  readonly letter: string;
  readonly before: FileState | undefined;
  readonly after: FileState | undefined;
  readonly paths: number;
}

/** A small state machine: the fields of a commit's head, then for each change a line and one or two paths. */
class LogState {
  #fields: string[] = [];
  #changes: FileChange[] = [];
  #raw: RawChange | undefined;
  #paths: Uint8Array[] = [];

  /** The commit before, when the token begins the next one. */
  push(token: Uint8Array): Commit | undefined {
    if (this.#raw !== undefined) {
      this.#pushPath(token, this.#raw);
      return undefined;
    }
    if (this.#fields.length > 0 && this.#fields.length < 6) {
      this.#fields.push(lossy(token));
      return undefined;
    }
    const text = lossy(token).replace(/^\n+/, "");
    if (text === "") return undefined;
    if (text.startsWith("\u0001")) {
      const commit = this.end();
      this.#fields = [text.slice(1)];
      return commit;
    }
    if (!text.startsWith(":") || this.#fields.length < 6)
      throw malformed(JSON.stringify(text.slice(0, 80)));
    if (this.#changes.length >= CHANGES_MAX)
      throw malformed(`more than ${CHANGES_MAX} files in a commit`);
    this.#raw = parseRaw(text);
    return undefined;
  }

  #pushPath(token: Uint8Array, raw: RawChange): void {
    this.#paths.push(token);
    if (this.#paths.length < raw.paths) return;
    this.#changes.push(fileChange(raw, this.#paths));
    this.#paths = [];
    this.#raw = undefined;
  }

  /** The commit that is complete now. */
  end(): Commit | undefined {
    if (this.#raw !== undefined) throw malformed("a change without a path");
    const [id, parents, authorName, authorEmail, time, subject] = this.#fields;
    if (id === undefined) return undefined;
    if (subject === undefined) throw malformed("a commit that ends early");
    const changes = this.#changes;
    this.#fields = [];
    this.#changes = [];
    return {
      id,
      parents: (parents ?? "").split(" ").filter((parent) => parent !== ""),
      authorName: authorName ?? "",
      authorEmail: authorEmail ?? "",
      time: Number(time),
      subject,
      changes,
    };
  }
}

/**
 * `:100644 100644 <blob> <blob> M`, and for a merge of n parents `::100644 100644 100644 <blob> <blob> <blob> MM`: n modes and one more,
 * n blobs and one more, n letters.
 */
function parseRaw(text: string): RawChange {
  const parents = /^:+/.exec(text)?.[0].length ?? 0;
  const fields = text.slice(parents).split(" ");
  const modes = fields.slice(0, parents + 1);
  const blobs = fields.slice(parents + 1, 2 * parents + 2);
  const letters = fields[2 * parents + 2];
  if (letters === undefined || blobs.length !== parents + 1)
    throw malformed(JSON.stringify(text.slice(0, 80)));
  const letter = parents > 1 ? combinedLetter(blobs) : letters.slice(0, 1);
  return {
    letter,
    before: stateOf(modes[0], blobs[0]),
    after: stateOf(modes.at(-1), blobs.at(-1)),
    // Combined changes have one path, even where a file was renamed.
    paths: parents === 1 && (letter === "R" || letter === "C") ? 2 : 1,
  };
}

function stateOf(mode: string | undefined, blob: string | undefined): FileState | undefined {
  return mode === undefined || blob === undefined || NO_BLOB.test(blob)
    ? undefined
    : { blob, mode };
}

function combinedLetter(blobs: readonly string[]): string {
  if (NO_BLOB.test(blobs.at(-1) ?? "")) return "D";
  return blobs.slice(0, -1).every((id) => NO_BLOB.test(id)) ? "A" : "M";
}

function fileChange(raw: RawChange, paths: readonly Uint8Array[]): FileChange {
  const bytes = paths.at(-1) ?? new Uint8Array(0);
  const path = lossy(bytes);
  const first = paths[0];
  const renamed = raw.letter === "R" && first !== undefined;
  return {
    kind: kindOf(raw.letter),
    path,
    // Copied, since the token is a view of a buffer that goes away.
    pathBytes: isUtf8(bytes) ? undefined : Uint8Array.from(bytes),
    oldPath: renamed ? lossy(first) : undefined,
    before: raw.letter === "C" ? undefined : raw.before,
    after: raw.after,
  };
}

function kindOf(letter: string): FileChange["kind"] {
  switch (letter) {
    case "A":
    case "C":
      return "added";
    case "D":
      return "deleted";
    case "R":
      return "renamed";
    // M, T (a changed type, such as a file that became a link), and U, X of repositories in strange states.
    default:
      return "modified";
  }
}

function lossy(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
