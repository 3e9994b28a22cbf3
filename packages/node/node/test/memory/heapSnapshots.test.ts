// Goal: snapshots are written only where they are wanted, and are never more than the disk was promised.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@annals/config";
import { afterAll, expect, it } from "vitest";
import { heapSnapshotDirectory, snapshotFlags } from "../../src/memory/heapSnapshots.ts";

const data = mkdtempSync(join(tmpdir(), "annals-snapshots-"));
afterAll(() => rmSync(data, { recursive: true }));

function flags(text: string, directory = data): readonly string[] {
  const loaded = loadConfig({ text: `data: ${directory}\n${text}`, env: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return snapshotFlags(loaded.config);
}

const ON = "workers: { heapSnapshot: true }\n";

it("writes none unless it is told to", () => {
  expect(flags("")).toEqual([]);
  expect(readdirSync(data)).toEqual([]);
});

it("writes into the data directory until there are three", () => {
  const directory = heapSnapshotDirectory(data);
  for (const name of ["1", "2", "3"]) {
    expect(flags(ON).at(-1)).toBe(`--diagnostic-dir=${directory}`);
    writeFileSync(join(directory, name), "");
  }
  expect(flags(ON)).toEqual([]);
});

it("does without where there can be no directory", () => {
  writeFileSync(join(data, "file"), "");
  expect(flags(ON, join(data, "file"))).toEqual([]);
});
