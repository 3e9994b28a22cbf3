// Goal: files that were cut off or damaged never give a cursor of more than they hold. Method: files written by the sink, cut at every byte of
// their end, spoilt, or held open by another one.
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { NdjsonFile } from "../src/ndjson/ndjsonFile.ts";
import type { SinkCursor } from "../src/sink.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-ndjson-"));
});
afterEach(() => rm(directory, { recursive: true }));

function cursor(seq: number): SinkCursor {
  const { settings } = new NdjsonFile({ directory });
  const of = { settings, scope: "log audit", anchor: seq };
  return { seq, part: 0, epoch: 1, recordHash: `hash-${seq}`, ...of };
}

/** Two chunks of two records. */
async function writeTwoChunks(rotateBytes?: number): Promise<void> {
  const sink = new NdjsonFile({ directory, ...(rotateBytes === undefined ? {} : { rotateBytes }) });
  await sink.open();
  let expected: SinkCursor | undefined;
  for (const seq of [0, 2, 4]) {
    const mutations = seq === 0 ? [] : sampleRecords(2, seq - 1).flatMap((one) => sink.plan(one));
    const next = cursor(seq);
    await sink.apply({ expected, next, mutations, records: 2, bytes: 0 });
    expected = next;
  }
  await sink.close();
}

async function files(): Promise<readonly string[]> {
  const names = await readdir(directory);
  return names.filter((name) => name.endsWith(".ndjson")).toSorted();
}

async function reopened(): Promise<SinkCursor | undefined> {
  const sink = new NdjsonFile({ directory });
  const found = await sink.open();
  await sink.close();
  return found;
}

test("cut at any byte, the cursor is that of the last whole chunk, and the rest is gone", async () => {
  await writeTwoChunks();
  const [name = ""] = await files();
  const path = join(directory, name);
  const whole = await readFile(path);
  const ends = [0, 2, 4].map((seq) => {
    const line = `"seq":${seq},"part":0`;
    return whole.indexOf("\n", whole.indexOf(line, whole.indexOf(`{"cursor":{${line}`))) + 1;
  });
  for (let bytes = whole.byteLength; bytes >= 0; bytes -= 7) {
    await writeFile(path, whole);
    await truncate(path, bytes);
    const k = ends.findLastIndex((end) => end <= bytes);
    expect((await reopened())?.seq).toBe([0, 2, 4][k]);
    const left = k < 0 ? "" : await readFile(path, "utf8");
    expect(left).toBe(whole.subarray(0, ends[k] ?? 0).toString());
  }
});

test("a new file begins with the cursor of the one before; one that has none yet is passed over", async () => {
  await writeTwoChunks(1);
  const names = await files();
  expect(names).toEqual(["0000000000000001.ndjson", "0000000000000003.ndjson"]);
  expect(await reopened()).toEqual(cursor(4));
  await truncate(join(directory, names[1] ?? ""), 10);
  expect(await reopened()).toEqual(cursor(2));
});

test("a chunk that does not follow is refused, and so is a second process", async () => {
  await writeTwoChunks();
  const sink = new NdjsonFile({ directory });
  await sink.open();
  const chunk = { expected: cursor(2), next: cursor(6), mutations: [], records: 0, bytes: 0 };
  const refused = await sink.apply(chunk).catch((error: unknown) => sink.classify(error));
  expect(refused).toBe("fenced");
  const second = new NdjsonFile({ directory });
  const inUse = await second.open().catch((error: unknown) => second.classify(error));
  expect(inUse).toBe("transient");
  await sink.close();
});

test("a large file without a cursor is not one of ours, and is left alone", async () => {
  const path = join(directory, "0000000000000001.ndjson");
  await writeFile(path, `${"x".repeat(100)}\n`.repeat(20_000));
  await expect(new NdjsonFile({ directory }).open()).rejects.toMatchObject({
    code: "ERR_SINK_FILE",
  });
  expect(await files()).toHaveLength(1);
});

test("a lock that cannot be made is no other owner: waiting would not help", async () => {
  await writeFile(join(directory, "lock"), "this is no lock".repeat(100));
  const sink = new NdjsonFile({ directory });
  const failure: unknown = await sink.open().catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "ERR_SQLITE_ERROR" });
  expect(sink.classify(failure)).toBe("settings");
});
