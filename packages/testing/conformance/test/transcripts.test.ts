// Goal: the Raft core's own transcripts are what happens. Method: every file is run and compared with itself, as it would be rewritten by
// what happens; `vitest -u` rewrites the files, and the difference is for the reviewer.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { KINDS, rewriteFile, runFile } from "../src/runFile.ts";

const TRANSCRIPTS = join(import.meta.dirname, "../../../core/raft/test/transcripts");
const folders = readdirSync(TRANSCRIPTS);

describe.each(KINDS.filter((kind) => folders.includes(kind)))("%s", (kind) => {
  test.each(readdirSync(join(TRANSCRIPTS, kind)).sort())("%s", async (name) => {
    const path = join(TRANSCRIPTS, kind, name);
    const rewritten = rewriteFile(kind, readFileSync(path, "utf8"));
    const again = runFile(kind, rewritten, { ignoreLogLines: false });
    expect(again.difference).toBeUndefined();
    await expect(rewritten).toMatchFileSnapshot(path);
  });
});
