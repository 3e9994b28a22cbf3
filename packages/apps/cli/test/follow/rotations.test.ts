// Goal: whatever happens to a followed file, and whenever, each of its lines is in the log once and
// in order, and what cannot be is told. Method: a table of what happens to files, times the moments
// at which it happens: while the command waits for more, while its request waits for a cluster that
// is away, and while it is dead, with its last request stored or not. Each cell has a node in
// memory and a directory.
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { FollowRun, line } from "./followRun.ts";
import type { Letter } from "./followRun.ts";

interface Case {
  readonly name: string;
  /** After lines `a1` and `a2`. */
  readonly happen: (run: FollowRun) => void;
  /** What is in the log then, behind these. */
  readonly after: readonly string[];
  /** Beginnings of lines that become dead letters. */
  readonly letters?: readonly string[];
  /** Said on stderr. */
  readonly says?: string;
  /** What the file had is nowhere any more. */
  readonly takesAway?: true;
}

const MANY = Array.from({ length: 12 }, (_, k) => `b${k}`);
const LONG_BYTES = 17 << 20;

/** As gzip does: the time of the last write stays. */
function compress(run: FollowRun, name: string, ending: "gz" | "zst" = "gz"): void {
  const path = run.path(name);
  const { atime, mtime } = statSync(path);
  const bytes = readFileSync(path);
  const compressed = ending === "gz" ? gzipSync(bytes) : zstdCompressSync(bytes);
  writeFileSync(`${path}.${ending}`, compressed);
  utimesSync(`${path}.${ending}`, atime, mtime);
  unlinkSync(path);
}

function move(run: FollowRun, from: string, to: string): void {
  renameSync(run.path(from), run.path(to));
}

function copyAndTruncate(run: FollowRun, to: string): void {
  copyFileSync(run.file, run.path(to));
  truncateSync(run.file);
}

const CASES: readonly Case[] = [
  {
    name: "it is renamed",
    happen: (run) => {
      run.add("app.ndjson", "a3");
      move(run, "app.ndjson", "app.ndjson.1");
      run.add("app.ndjson", "b1");
    },
    after: ["a3", "b1"],
  },
  {
    name: "it is renamed by date, with its ending kept",
    happen: (run) => {
      run.add("app.ndjson", "a3");
      move(run, "app.ndjson", "app-2026-01-01T00-00-00.000.ndjson");
      run.add("app.ndjson", "b1");
    },
    after: ["a3", "b1"],
  },
  {
    name: "it is copied and truncated",
    happen: (run) => {
      run.add("app.ndjson", "a3");
      copyAndTruncate(run, "app.ndjson.1");
      run.add("app.ndjson", "b1");
    },
    after: ["a3", "b1"],
  },
  {
    name: "it is copied, truncated and longer than before",
    happen: (run) => {
      run.add("app.ndjson", "a3");
      copyAndTruncate(run, "app.ndjson.1");
      run.add("app.ndjson", ...MANY);
    },
    after: ["a3", ...MANY],
  },
  {
    name: "it is copied and truncated twice",
    happen: (run) => {
      run.add("app.ndjson", "a3");
      copyAndTruncate(run, "app.ndjson.1");
      run.add("app.ndjson", ...MANY);
      move(run, "app.ndjson.1", "app.ndjson.2");
      copyAndTruncate(run, "app.ndjson.1");
      run.add("app.ndjson", "c1");
    },
    after: ["a3", ...MANY, "c1"],
  },
  {
    name: "it is renamed and compressed",
    happen: (run) => {
      run.add("app.ndjson", "a3");
      move(run, "app.ndjson", "app.ndjson.1");
      compress(run, "app.ndjson.1");
      run.add("app.ndjson", "b1");
    },
    after: ["a3", "b1"],
  },
  {
    name: "it is copied, truncated and compressed by zstd",
    happen: (run) => {
      run.add("app.ndjson", "a3");
      copyAndTruncate(run, "app.ndjson.1");
      compress(run, "app.ndjson.1", "zst");
      run.add("app.ndjson", "b1");
    },
    after: ["a3", "b1"],
  },
  {
    name: "it is rotated twice",
    happen: (run) => {
      run.add("app.ndjson", "a3");
      move(run, "app.ndjson", "app.ndjson.1");
      run.add("app.ndjson", "b1");
      move(run, "app.ndjson.1", "app.ndjson.2");
      move(run, "app.ndjson", "app.ndjson.1");
      run.add("app.ndjson", "c1");
    },
    after: ["a3", "b1", "c1"],
  },
  {
    name: "it is rotated three times, and what is older than one is compressed",
    happen: (run) => {
      run.add("app.ndjson", "a3");
      for (const next of ["b1", "c1", "d1"]) {
        for (const n of [2, 1])
          if (run.has(`app.ndjson.${n}.gz`))
            move(run, `app.ndjson.${n}.gz`, `app.ndjson.${n + 1}.gz`);
        if (run.has("app.ndjson.1")) {
          move(run, "app.ndjson.1", "app.ndjson.2");
          compress(run, "app.ndjson.2");
        }
        move(run, "app.ndjson", "app.ndjson.1");
        run.add("app.ndjson", next);
      }
    },
    after: ["a3", "b1", "c1", "d1"],
  },
  {
    name: "it is rotated twice, and its lines are the same each time",
    happen: (run) => {
      run.add("app.ndjson", "x");
      move(run, "app.ndjson", "app.ndjson.1");
      run.add("app.ndjson", "x");
      move(run, "app.ndjson.1", "app.ndjson.2");
      move(run, "app.ndjson", "app.ndjson.1");
      run.add("app.ndjson", "x");
    },
    after: ["x", "x", "x"],
  },
  {
    name: "it is removed and made again, perhaps under the same inode",
    happen: (run) => {
      unlinkSync(run.file);
      run.add("app.ndjson", "b1");
    },
    after: ["b1"],
    takesAway: true,
  },
  {
    name: "it has another name as well, which stays when its own is taken",
    happen: (run) => {
      linkSync(run.file, run.path("app.ndjson.1"));
      run.add("app.ndjson", "a3");
      unlinkSync(run.file);
      run.add("app.ndjson", "b1");
    },
    after: ["a3", "b1"],
  },
  {
    name: "it is written anew in its place, and longer",
    happen: (run) => writeFileSync(run.file, MANY.map(line).join("")),
    after: MANY,
    says: "was truncated or written anew",
    takesAway: true,
  },
  {
    name: "it is replaced by itself and more",
    happen: (run) => {
      copyFileSync(run.file, run.path("new"));
      run.add("new", "a3");
      move(run, "new", "app.ndjson");
    },
    after: ["a3"],
  },
  {
    name: "there are lines of white space",
    happen: (run) => appendFileSync(run.file, `\n   \n\t\r\n${line("a3")}\r\n \n${line("a4")}`),
    after: ["a3", "a4"],
  },
  {
    name: "there is a line above every limit",
    happen: (run) => {
      appendFileSync(run.file, `{"x":"${"x".repeat(LONG_BYTES)}"}\n`);
      run.add("app.ndjson", "a3");
    },
    after: ["a3"],
    letters: ['{"x":"xxx'],
  },
  {
    name: "there is a line that is not UTF-8",
    happen: (run) => {
      appendFileSync(run.file, Buffer.from('{"actor":{"id":"Jos\xe9"},"action":"b"}\n', "latin1"));
      run.add("app.ndjson", "a3");
    },
    after: ["a3"],
    letters: ['{"actor":{"id":"Jos\xe9"},"action":"b"}'],
  },
];

const MOMENTS = [
  "while the command waits for more",
  "while the cluster is away",
  "after the command was killed",
  "after the command was killed before its request arrived",
] as const;

const CELLS = CASES.flatMap((one) => MOMENTS.map((moment) => ({ ...one, moment })));

test.concurrent.for(CELLS)("$name $moment", async (cell, { onTestFinished }) => {
  const { happen, after, letters = [], moment } = cell;
  const run = await FollowRun.start();
  onTestFinished(() => run.close());
  const options = ["--dead-letters", "dead.ndjson"];
  run.add("app.ndjson", "a1", "a2");
  const isTooEarly = moment === "after the command was killed before its request arrived";
  if (isTooEarly || moment === "after the command was killed") {
    await run.killed(!isTooEarly, ...options);
    happen(run);
  }
  const following = run.follow(...options);
  const before = ["a1", "a2"];
  if (moment === "while the command waits for more") {
    await run.untilStored(...before);
    happen(run);
  }
  if (moment === "while the cluster is away") {
    await run.untilStored(...before);
    const comeBack = await run.goAway(() => run.add("app.ndjson", "t"));
    before.push("t");
    happen(run);
    comeBack();
  }
  // What was not in the log and is in no file any more cannot come; then that is said.
  const isLost = isTooEarly && cell.takesAway === true;
  const wanted = [...(isLost ? [] : before), ...after];
  await run.untilStored(...wanted);
  // Whatever comes twice or late comes before this.
  run.add("app.ndjson", "last");
  await run.untilStored(...wanted, "last");
  const { code, stderr } = await run.end(following);
  expect(code).toBe(0);
  for (const text of [cell.says ?? [], isLost ? "2 records are lost" : []].flat())
    expect(stderr).toContain(text);
  const kept = run.letters().map(contentOf);
  expect(kept.map((text, k) => text.slice(0, letters[k]?.length))).toEqual(letters);
});

function contentOf({ text, base64 = "" }: Letter): string {
  return text ?? Buffer.from(base64, "base64").toString("latin1");
}
