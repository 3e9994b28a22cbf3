/**
 * Goal: data that is put aside is put aside whole, and a crash at any moment is gone on from. Method: directories as crashes leave them.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, test } from "vitest";
import { finishQuarantine, listQuarantines, quarantine } from "../src/quarantine.ts";

const AT = Date.parse("2026-03-04T05:06:07.890Z");
const NAME = "quarantine-20260304T050607Z";
const EARLIER = "quarantine-20250101T000000Z";
let data: string;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "annals-quarantine-"));
});
afterEach(() => rm(data, { recursive: true, force: true }));

async function put(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (name.endsWith("/")) await mkdir(join(data, name), { recursive: true });
    else await writeFile(join(data, name), name);
  }
}

const list = async (name = "."): Promise<readonly string[]> =>
  (await readdir(join(data, name))).toSorted();

it("moves everything but the lock and what was put aside before, and is complete then", async () => {
  await put("lock", "node.json", "catalog.json", "logs/", "logs/2/", "born/", `${EARLIER}/`);
  expect(await quarantine(data, AT)).toBe(join(data, NAME));
  expect(await list()).toEqual(["lock", EARLIER, NAME]);
  expect(await list(NAME)).toEqual(["born", "catalog.json", "logs", "node.json"]);
  expect(await list(`${NAME}/logs`)).toEqual(["2"]);
  expect(await list(EARLIER)).toEqual([]);
  expect(await finishQuarantine(data)).toBeUndefined();
});

test.each([
  ["before anything was moved", ["node.json", "logs/"], []],
  ["in the middle", ["node.json"], ["logs/"]],
  ["before the mark went", [], ["node.json", "logs/"]],
])("a crash %s is gone on from", async (_when, left, moved) => {
  // An earlier one that is complete, in front of it and behind it, is nobody's business.
  await put("lock", `${EARLIER}/`, "quarantine-20990101T000000Z/", `${NAME}/`, `${NAME}/moving`);
  await put(...left, ...moved.map((name) => `${NAME}/${name}`));
  expect(await finishQuarantine(data)).toBe(join(data, NAME));
  expect(await list()).toEqual(["lock", EARLIER, NAME, "quarantine-20990101T000000Z"]);
  expect(await list(NAME)).toEqual(["logs", "node.json"]);
  expect(await finishQuarantine(data)).toBeUndefined();
});

it("one that could not be begun leaves nothing, and the data stays", async () => {
  await put("node.json", `${NAME}/`);
  await expect(quarantine(data, AT)).rejects.toMatchObject({ code: "EEXIST" });
  expect(await list()).toEqual(["node.json", NAME]);
});

it("those that are there are listed in the order of their time; without a directory there is none", async () => {
  await put(`${NAME}/`, `${EARLIER}/`, "logs/");
  expect(await listQuarantines(data)).toEqual([EARLIER, NAME]);
  expect(await listQuarantines(join(data, "nothing"))).toEqual([]);
  await expect(listQuarantines("/dev/null")).rejects.toMatchObject({ code: "ENOTDIR" });
});
