// Goal: a log inside the process keeps the promises of a node: what is acknowledged is there after any end, once and in order, within its
// bounds, and with one owner. Method: real directories; a writer process is killed in the middle and its word held against the log.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fsckNode } from "@annals/storage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLog } from "../src/openLog.ts";
import type { EmbeddedLog } from "../src/embeddedLog.ts";
import type { OpenLogOptions } from "../src/options.ts";

let path: string;
let opened: EmbeddedLog[];

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "annals-embedded-"));
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((log) => log.close()));
  await rm(path, { recursive: true, force: true });
});

async function open(options: Partial<OpenLogOptions> = {}): Promise<EmbeddedLog> {
  const log = await openLog({ path, ...options });
  opened.push(log);
  return log;
}

const record = (action: string) => ({ actor: { id: "ada" }, action });

async function actions(log: EmbeddedLog): Promise<string[]> {
  const all: string[] = [];
  for await (const { action } of log.records()) all.push(action);
  return all;
}

describe("an embedded log", () => {
  it("appends, reads, filters and gets", async () => {
    const log = await open();
    expect(await log.append([record("a.x"), record("b")])).toMatchObject({ firstSeq: 1, count: 2 });
    expect(log.lastSeq).toBe(2);
    expect(await log.get(2)).toMatchObject({ seq: 2, action: "b", actor: { id: "ada" } });
    const page = await log.read({ action: "a.*" });
    expect(page).toMatchObject({ items: [{ seq: 1 }], covered: { from: 1, to: 2 }, more: false });
    await expect(log.get(3)).rejects.toMatchObject({ code: "ERR_RECORD_NOT_FOUND" });
    await expect(log.read({ limit: 0 })).rejects.toMatchObject({ code: "ERR_PARAMETER_INVALID" });
  });

  it("is there again after it was closed, under its name", async () => {
    await (await open({ name: "audit" })).append(record("a"));
    await opened[0]?.close();
    await expect(open({ name: "other" })).rejects.toMatchObject({ code: "ERR_LOG_FOREIGN" });
    const log = await open({ name: "audit" });
    await log.append(record("b"));
    expect(await actions(log)).toEqual(["a", "b"]);
  });

  it("names what is bad in a request and stores nothing of it", async () => {
    const log = await open({ maxRecordBytes: 200, maxRecords: 3 });
    await expect(log.append([record("a"), { action: "b" } as never])).rejects.toMatchObject({
      details: { position: 1 },
    });
    await expect(log.append(record("x".repeat(300)))).rejects.toMatchObject({
      code: "ERR_RECORD_TOO_LARGE",
    });
    await expect(log.append(["a", "b", "c", "d"].map(record))).rejects.toMatchObject({
      code: "ERR_BODY_TOO_MANY_RECORDS",
    });
    expect(log.lastSeq).toBe(0);
  });

  it("stores a repeat once, also over a restart", async () => {
    const log = await open();
    const producer = { id: "p", epoch: await log.nextEpoch("p"), sequence: 1 };
    await log.append(record("a"), { producer });
    await log.close();
    const again = await open();
    expect(await again.append(record("a"), { producer })).toMatchObject({
      firstSeq: 1,
      duplicate: true,
    });
    expect(await again.nextEpoch("p")).toBe(2);
    expect(await actions(again)).toEqual(["a"]);
  });

  it("has a writer that gathers records and a bound on what waits", async () => {
    const log = await open({ maxPendingBytes: 1 });
    const first = log.append(record("a"));
    await expect(log.append(record("b"))).rejects.toMatchObject({ code: "ERR_OVERLOADED" });
    await first;
    const writer = log.writer();
    const seqs = await Promise.all(["c", "d"].map((action) => writer.append(record(action))));
    expect(seqs).toEqual([{ seq: 2 }, { seq: 3 }]);
    expect(await writer.close()).toEqual({ acknowledged: 2, unacknowledged: [] });
  });

  it("is followed while it grows, until the signal", async () => {
    const log = await open();
    await log.append(["a", "b"].map(record));
    const stop = new AbortController();
    const seen: number[] = [];
    for await (const { seq } of log.subscribe({ from: 2, signal: stop.signal })) {
      seen.push(seq);
      if (seq === 4) stop.abort();
      else await log.append(record("more"));
    }
    expect(seen).toEqual([2, 3, 4]);
  });

  it("finishes what it has taken when it is closed, and tells those who wait", async () => {
    const log = await open();
    const appended = log.append(record("a"));
    const followed = log.subscribe({ from: 2 }).next();
    const ended = followed.catch((error: unknown) => error);
    await log.close();
    expect(await appended).toMatchObject({ firstSeq: 1 });
    expect(await ended).toMatchObject({ code: "ERR_LOG_CLOSED" });
    await expect(log.append(record("b"))).rejects.toMatchObject({ code: "ERR_LOG_CLOSED" });
  });
});

describe("the directory", () => {
  it("has one owner at a time", async () => {
    const log = await open();
    await expect(open()).rejects.toMatchObject({ code: "ERR_DATA_IN_USE", retryable: true });
    await log.close();
    await open();
  });

  it("of a node is refused", async () => {
    await writeFile(join(path, "node.json"), "{}");
    await expect(open()).rejects.toMatchObject({ code: "ERR_DATA_OF_NODE" });
  });

  it("that has lost its log is not begun anew", async () => {
    await (await open()).append(record("a"));
    await opened[0]?.close();
    await rm(join(path, "logs"), { recursive: true });
    await expect(open()).rejects.toMatchObject({ code: "ERR_LOG_MISSING" });
  });
});

it("says errno and path where its lock cannot be written", async ({ skip }) => {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m,ro", "annals-test", path], {
      stdio: "ignore",
    });
  } catch {
    console.warn("MOUNT NOT PERMITTED: the test of a log on a read-only disk is SKIPPED");
    skip();
  }
  try {
    await expect(open()).rejects.toMatchObject({
      code: "ERR_DISK_UNAVAILABLE",
      details: { errno: "EROFS", path },
    });
  } finally {
    execFileSync("umount", [path]);
  }
});

describe("a process that is killed", { timeout: 60_000 }, () => {
  it("has lost nothing that was acknowledged, and left no lock", async () => {
    const promised = new Map<string, number>();
    for (const run of ["first", "second", "third"]) {
      const script = join(import.meta.dirname, "writer.ts");
      const child = spawn(process.execPath, ["--conditions=annals-source", script, path, run], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exit = once(child, "exit");
      let lines = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        const [k = "", seq = ""] = line.split(" ");
        promised.set(`${run} do-${k}`, Number(seq));
        if (++lines === 300) child.kill("SIGKILL");
      }
      await exit;
    }
    const log = await open();
    const found = new Map<string, number>();
    for await (const { seq, actor, action } of log.records()) {
      const name = `${actor.id} ${action}`;
      if (action === "breath") continue;
      expect(found.has(name)).toBe(false);
      found.set(name, seq);
    }
    expect(promised.size).toBeGreaterThanOrEqual(900);
    for (const [name, seq] of promised) {
      expect([name, found.get(`${name}-1`)]).toEqual([name, seq]);
      expect(found.get(`${name}-2`)).toBe(seq + 1);
    }
    await log.close();
    expect((await fsckNode(path)).flatMap(({ problems }) => problems)).toEqual([]);
  });
});
