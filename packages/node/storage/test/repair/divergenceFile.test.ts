// Goal: that a log has diverged is never forgotten. Method: the file is written, read, damaged, and read again.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readDivergence, writeDivergence } from "../../src/repair/divergenceFile.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-divergence-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const DIVERGENCE = {
  since: 1_700_000_000_000,
  own: { index: 7, term: 2, hash: "aa".repeat(32), commitIndex: 9 },
  other: { member: 3, index: 7, term: 4, hash: "bb".repeat(32), commitIndex: 8 },
};

test("what was written is read back; without a file there is nothing", async () => {
  expect(await readDivergence(directory)).toBeUndefined();
  await writeDivergence(directory, DIVERGENCE);
  expect(await readDivergence(directory)).toEqual(DIVERGENCE);
});

test.each([
  ["is empty", () => ""],
  ["is cut off", (text: string) => text.slice(0, 40)],
  ["says something else", (text: string) => text.replace('"commitIndex":9', '"commitIndex":1')],
])("a file that %s still says that the log stands still", async (_, damaged) => {
  await writeDivergence(directory, DIVERGENCE);
  const path = join(directory, "divergence.json");
  await writeFile(path, damaged(await readFile(path, "utf8")));
  expect(await readDivergence(directory)).toMatchObject({ since: 0, own: undefined });
});
