/** Goal: a log is born on a disk once. Method: its directory is taken away between two openings. */
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asMemberId } from "@annals/raft";
import { loadConfig } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { emptyCopy, readEmptied, TailScanner } from "@annals/storage";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openStore } from "../src/openStore.ts";
import type { OpenStoreOptions } from "../src/openStore.ts";

let directory: string;
let options: OpenStoreOptions;

function configFor(data: string): NodeConfig {
  const text = `cluster: test\nnodes: { a: "127.0.0.1:7400" }\ndata: ${data}\n`;
  const loaded = loadConfig({ text, env: {}, node: "a" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-born-"));
  options = {
    config: configFor(directory),
    logId: 2,
    name: "audit",
    voters: [asMemberId(1)],
    scanner: new TailScanner(),
    onWarning: () => {},
  };
});
afterEach(() => rm(directory, { recursive: true }));

it("opens again what it bore", async () => {
  await (await openStore(options)).close();
  const again = await openStore(options);
  expect(again.initialState().membership.voters).toEqual([1]);
  await again.close();
});

it("refuses to bear a log twice, though nothing of it is left", async () => {
  await (await openStore(options)).close();
  await rm(join(directory, "logs", "2"), { recursive: true });
  await expect(openStore(options)).rejects.toMatchObject({ code: "ERR_LOG_MISSING" });
});

it("opens an emptied log that a crash has kept from its place", async () => {
  await (await openStore(options)).close();
  const log = join(directory, "logs", "2");
  const place = { directory: log, logId: 2, segmentBytes: 2 ** 20 };
  const decision = { by: "ada", at: 1, kept: { node: "b", member: asMemberId(2) } };
  await emptyCopy(place, [asMemberId(1)], decision);
  await rename(log, `${log}.emptied`);
  await (await openStore(options)).close();
  expect(await readEmptied(log)).toEqual(decision.kept);
});

it("refuses to bear a log twice in a directory that was emptied", async () => {
  await (await openStore(options)).close();
  const log = join(directory, "logs", "2");
  await rm(join(log, "sidecar"));
  await rm(join(log, "segment-0000000000000001"), { recursive: true });
  await expect(openStore(options)).rejects.toMatchObject({ code: "ERR_LOG_EMPTY" });
});

it("finishes a birth that a crash cut before the mark", async () => {
  await (await openStore(options)).close();
  await rm(join(directory, "born"), { recursive: true });
  const again = await openStore(options);
  expect(again.lastIndex()).toBe(0);
  await again.close();
});
