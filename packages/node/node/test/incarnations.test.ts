/**
 * Goal: a node whose disk is unusable ends one life, puts the data aside and begins another one, and a stop ends it wherever it is. Method:
 * lives that the test ends, on a real data directory.
 */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustLoad } from "@annals/kit";
import { AnnalsError } from "@annals/record";
import pino from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Incarnations } from "../src/incarnations.ts";
import type { Incarnation, IncarnationEnd } from "../src/incarnations.ts";

/** One life; `closed` counts, and a close ends it as a clean exit does. */
class Life implements Incarnation {
  readonly url = "http://127.0.0.1:1";
  closed = 0;
  end: (end: IncarnationEnd) => void = () => {};
  readonly ended: Promise<IncarnationEnd> = new Promise((resolve) => {
    this.end = resolve;
  });

  async close(): Promise<void> {
    this.closed++;
    this.end({ kind: "exit", code: 0 });
  }
}

const UNUSABLE = { kind: "quarantine", what: "its end is gone" } as const;
let data: string;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "annals-lives-"));
  await writeFile(join(data, "node.json"), "old");
});
afterEach(() => rm(data, { recursive: true, force: true }));

function begin(
  first: Life,
  start: () => Promise<Incarnation>,
): { readonly node: Incarnations; readonly stopped: () => number } {
  const config = mustLoad({ text: `data: ${data}\n` });
  let stops = 0;
  const stop = (): void => void stops++;
  const logger = pino({ level: "silent" });
  const options = { config, logger, start, stop };
  return { node: new Incarnations(options, first), stopped: () => stops };
}

const never = (): Promise<Incarnation> => Promise.reject(new Error("no other life was due"));

it("ends as its life does", async () => {
  const life = new Life();
  const { node } = begin(life, never);
  life.end({ kind: "exit", code: 74 });
  expect(await node.closed).toEqual({ code: 74 });
  expect(await readdir(data)).toEqual(["node.json"]);
});

it("begins the next life on a blank disk, once the last one is closed", async () => {
  const [first, second] = [new Life(), new Life()];
  let seen: readonly string[] = [];
  const begun = Promise.withResolvers<void>();
  const { node } = begin(first, async () => {
    expect(first.closed).toBe(1);
    seen = await readdir(data);
    begun.resolve();
    return second;
  });
  first.end(UNUSABLE);
  await begun.promise;
  expect(seen).toEqual([expect.stringMatching(/^quarantine-/)]);
  expect(await readdir(join(data, seen[0] ?? ""))).toEqual(["node.json"]);
  await node.close();
  expect([first.closed, second.closed]).toEqual([1, 1]);
  expect(await node.closed).toEqual({ code: 0 });
});

it("fails when the next life cannot begin", async () => {
  const life = new Life();
  const { node } = begin(life, never);
  life.end(UNUSABLE);
  expect(await node.closed).toEqual({ code: 74 });
});

it("a stop during the begin of a life ends that life, too", async () => {
  const [first, second] = [new Life(), new Life()];
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const { node, stopped } = begin(first, async () => {
    begun.resolve();
    await go.promise;
    return second;
  });
  first.end(UNUSABLE);
  await begun.promise;
  const closed = node.close();
  expect(stopped()).toBe(1);
  go.resolve();
  await closed;
  expect(second.closed).toBe(1);
  expect(await node.closed).toEqual({ code: 0 });
});

it("a life whose start was stopped is no failure", async () => {
  const first = new Life();
  const begun = Promise.withResolvers<void>();
  const stop = Promise.withResolvers<Incarnation>();
  const { node } = begin(first, () => {
    begun.resolve();
    return stop.promise;
  });
  first.end(UNUSABLE);
  await begun.promise;
  const closed = node.close();
  stop.reject(new AnnalsError("ERR_NODE_STOPPING", "stopped"));
  await closed;
  expect(await node.closed).toEqual({ code: 0 });
});

it("an error that is none of a life's ends the node by its own code", async () => {
  const life = new Life();
  const { node } = begin(life, never);
  node.fail(new AnnalsError("ERR_DATA_IN_USE", "another process has the data"));
  expect(await node.closed).toEqual({ code: 74 });
  expect(life.closed).toBe(1);
});
