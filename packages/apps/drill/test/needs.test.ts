// Goal: a drill that needs what is not there is skipped by name. Method: scenarios and what they need; a directory with and without a history.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseScenario } from "../src/language/parseScenario.ts";
import { cachedBytes, filesBelow, forgetPages } from "../src/cluster/pageCache.ts";
import { tryColdCache, tryHistory } from "../src/cluster/trials.ts";
import { needsOf } from "../src/run/needs.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "annals-needs-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function needs(...steps: readonly string[]): readonly string[] {
  const lines = ["name: x", "steps:", ...steps.map((step) => `  - ${step}`)];
  const text = [...lines, "expect: [{ converged: true }]"].join("\n");
  return [...needsOf(parseScenario(text, "x.yaml"))];
}

it("an import of the history here needs one", () => {
  expect(needs('program: { name: import, run: [import, git, "{here}"] }')).toEqual(["history"]);
  expect(needs("program: { name: import, run: [import, git, /elsewhere] }")).toEqual([]);
  expect(needs('program: { name: sink, run: [sink, run, "{here}/sinks.yaml"] }')).toEqual([]);
});

it("a directory has a history when it is in a repository with a commit", async () => {
  const git = (...args: readonly string[]): unknown =>
    execFileSync("git", ["-C", directory, "-c", "user.name=a", "-c", "user.email=a@b", ...args]);
  await expect(tryHistory(directory)).rejects.toThrow(/not a git repository/);
  git("init", "-q");
  await expect(tryHistory(directory)).rejects.toThrow(/rev-parse/);
  git("commit", "-q", "--allow-empty", "-m", "one");
  await tryHistory(directory);
});

it("a cold cache needs a kernel that can be made to forget", async ({ skip }) => {
  expect(needs("stop: a", "coldCache: a", "start: a")).toEqual(["cache"]);
  const why = await tryColdCache(directory).catch((error: unknown) => String(error));
  if (why !== undefined) skip(why);
  const file = join(directory, "file");
  writeFileSync(file, Buffer.alloc(100_000, 1));
  const files = await filesBelow(directory);
  expect(files).toEqual([file]);
  expect(await cachedBytes(files)).toBeGreaterThanOrEqual(100_000);
  await forgetPages(files);
  expect(await cachedBytes(files)).toBe(0);
});
