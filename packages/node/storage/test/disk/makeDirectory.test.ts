// Goal: a directory that was made is on disk under its name, and so is each above it that was made with it. Method: every flush is written down.
import { mkdirSync, writeFileSync } from "node:fs";
import type * as Promises from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { makeDirectory } from "../../src/disk/makeDirectory.ts";
import { keptDirectory } from "../support/keptDirectory.ts";

const flushed: string[] = [];
vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof Promises>();
  const open: typeof actual.open = async (path, ...rest) => {
    const handle = await actual.open(path, ...rest);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      flushed.push(String(path));
      await sync();
    };
    return handle;
  };
  return { ...actual, open };
});

const root = keptDirectory();

test("flushes the directory above each that it makes, and the one above what was there", async () => {
  const { path } = root;
  mkdirSync(join(path, "there"));
  await makeDirectory(join(path, "there/a/b/c"));
  expect(flushed.splice(0)).toEqual(
    ["there/a/b", "there/a", "there"].map((name) => join(path, name)),
  );
  await makeDirectory(join(path, "there/a/b/c"));
  expect(flushed.splice(0)).toEqual([join(path, "there/a/b")]);
});

test("says why it cannot be made", async () => {
  writeFileSync(join(root.path, "file"), "");
  await expect(makeDirectory(join(root.path, "file/a"))).rejects.toMatchObject({ code: "ENOTDIR" });
});
