// Goal: fsck calls a sound log sound, and finds every single bit that is flipped in what a log means.
// Method: a log in two segments; damage through LMDB itself (a value changed, a row removed) and below it (bytes of the file).
import { cp, mkdir, open as openFile, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  chainOf,
  cycleOf,
  hardState,
  noopEntry,
  plainEntries,
  SAMPLE_MEMBERSHIP,
} from "@annals/kit";
import { beforeAll, describe, expect, test } from "vitest";
import { fsck } from "../../src/check/fsck.ts";
import { fsckNode } from "../../src/check/fsckNode.ts";
import { openLogStore } from "../../src/openLogStore.ts";
import { changeTable, exchange, flipIn, key } from "../support/changeTable.ts";
import type { Rows } from "../support/changeTable.ts";
import { temporaryDirectory } from "../support/directory.ts";
import { keptDirectory } from "../support/keptDirectory.ts";

const ENTRIES = [...plainEntries(1, 30, 1), ...plainEntries(31, 59, 4)];
const sound = keptDirectory();

beforeAll(async () => {
  const directory = join(sound.path, "logs", "1");
  const segmentBytes = 1024 * 1024;
  await mkdir(directory, { recursive: true });
  const options = {
    directory,
    logId: 1,
    scanFirst: false,
    initial: { membership: SAMPLE_MEMBERSHIP },
  };
  let store = await openLogStore({ ...options, segmentBytes });
  const [firstSeq, lastSeq] = [store.lastSeq(), store.lastSeq()];
  const recent = [{ sequence: 1, fingerprint: 7, firstSeq, lastSeq, count: 1 }];
  const producers = new Map([["p", { epoch: 1, recent, lastIndex: store.lastIndex() }]]);
  await store.write(cycleOf({ entries: ENTRIES.slice(0, 30), hardState: hardState(1, 1, 25) }));
  const applied = {
    appliedIndex: store.initialState().hardState.commitIndex,
    membership: undefined,
    producers,
    groups: new Map(),
  };
  await store.write(cycleOf({ applied }));
  await store.close();
  store = await openLogStore({ ...options, segmentBytes: 16 * 1024 });
  await store.write(cycleOf({ entries: ENTRIES.slice(30, 50), hardState: hardState(4, 1, 25) }));
  await store.close();
  store = await openLogStore({ ...options, segmentBytes });
  await store.write(cycleOf({ entries: ENTRIES.slice(50), hardState: hardState(4, 1, 58) }));
  await store.close();
});

async function copyOfLog(): Promise<string> {
  const directory = join(await temporaryDirectory(), "log");
  await cp(join(sound.path, "logs", "1"), directory, { recursive: true });
  return directory;
}

const FIRST = "segment-0000000000000001";
const SECOND = "segment-0000000000000026";

describe("a sound log", () => {
  test("has no problems, and the report tells what is there", async () => {
    const [report] = await fsckNode(sound.path);
    expect(report).toMatchObject({
      logId: 1,
      firstIndex: 1,
      lastIndex: 59,
      lastSeq: 59,
      commitIndex: 58,
      headHash: chainOf(ENTRIES),
      problems: [],
    });
    expect(report?.segments).toMatchObject([
      { name: FIRST, firstIndex: 1, lastIndex: 25, entries: 25, records: 25 },
      { name: SECOND, firstIndex: 26, lastIndex: 59, entries: 34, records: 34 },
    ]);
  });

  test("an unfinished segment is no damage", async () => {
    const directory = await copyOfLog();
    await mkdir(join(directory, "new-segment-0000000000000060"));
    expect((await fsck(directory, { isolate: false })).problems).toMatchObject([
      { kind: "leftover" },
    ]);
  });
});

describe("logs that must be there", () => {
  async function copyOfData(): Promise<string> {
    const data = join(await temporaryDirectory(), "data");
    await cp(sound.path, data, { recursive: true });
    return data;
  }

  async function put(data: string, name: string, content: string): Promise<void> {
    await mkdir(dirname(join(data, name)), { recursive: true });
    await writeFile(join(data, name), content);
  }

  const catalog = (...logs: readonly { id: number; name: string }[]): string =>
    JSON.stringify({ format: 1, logs: logs.map((log) => ({ ...log, voters: [1] })) });

  test("one that this disk has held and that is gone is damage, by name", async () => {
    const data = await copyOfData();
    await put(data, "born/1", "");
    await put(data, "born/2", "");
    await put(data, "catalog.json", catalog({ id: 1, name: "access" }, { id: 2, name: "audit" }));
    const reports = await fsckNode(data);
    expect(reports).toMatchObject([
      { logId: 1, name: "access", problems: [] },
      { logId: 2, name: "audit", missing: true, problems: [{ kind: "damage" }] },
    ]);
    expect(reports[1]?.problems[0]?.what).toContain("log 2 (audit) is missing");
  });

  test("the mark is enough where the catalog cannot be read", async () => {
    const data = await copyOfData();
    await put(data, "born/7", "");
    await put(data, "catalog.json", "{");
    expect(await fsckNode(data)).toMatchObject([
      { logId: 1 },
      { logId: 7, missing: true, problems: [{ kind: "damage" }] },
    ]);
  });

  test("the system log of a node that belongs to a cluster, with all logs gone", async () => {
    const data = await temporaryDirectory();
    await put(data, "node.json", JSON.stringify({ format: 1, node: "a", certificate: "x" }));
    expect(await fsckNode(data)).toMatchObject([
      { logId: 0, name: "_system", problems: [{ kind: "damage" }] },
    ]);
    await put(data, "node.json", JSON.stringify({ format: 1, node: "a" }));
    expect(await fsckNode(data)).toEqual([]);
  });

  test("the log of a program, once it was opened", async () => {
    const data = await temporaryDirectory();
    await put(data, "embedded.json", JSON.stringify({ format: 1, name: "mine", born: true }));
    expect(await fsckNode(data)).toMatchObject([{ logId: 1, name: "mine", missing: true }]);
    await put(data, "embedded.json", JSON.stringify({ format: 1, name: "mine", born: false }));
    expect(await fsckNode(data)).toEqual([]);
  });

  test("one that the node has only heard of is a doubt", async () => {
    const data = await copyOfData();
    await put(data, "catalog.json", catalog({ id: 3, name: "new" }));
    expect(await fsckNode(data)).toMatchObject([
      { logId: 1, problems: [] },
      { logId: 3, name: "new", problems: [{ kind: "doubt" }] },
    ]);
  });
});

const DAMAGES: readonly (readonly [string, string, string, (rows: Rows) => void, RegExp])[] = [
  ["a byte of an entry's data", FIRST, "entries", (rows) => flipIn(rows, key(10), 90), /checksum/],
  ["an entry's term", FIRST, "entries", (rows) => flipIn(rows, key(10), 9), /checksum/],
  ["an entry's kind", SECOND, "entries", (rows) => flipIn(rows, key(40), 1), /unknown kind/],
  ["an entry removed", SECOND, "entries", (rows) => void rows.delete(key(40)), /missing/],
  ["the last entry removed", SECOND, "entries", (rows) => void rows.delete(key(59)), /missing/],
  [
    "the entry at the seal removed",
    FIRST,
    "entries",
    (rows) => void rows.delete(key(25)),
    /missing/,
  ],
  ["two entries exchanged", FIRST, "entries", (rows) => exchange(rows, key(3), key(4)), /checksum/],
  [
    "an entry beyond the end",
    SECOND,
    "entries",
    (rows) => void rows.set(key(70), Buffer.alloc(80)),
    /outside/,
  ],
  ["a batch row changed", FIRST, "batches", (rows) => flipIn(rows, key(7), 7), /checksum/],
  ["a batch row removed", FIRST, "batches", (rows) => void rows.delete(key(7)), /batch table/],
  [
    "two batch rows exchanged",
    FIRST,
    "batches",
    (rows) => exchange(rows, key(7), key(8)),
    /checksum/,
  ],
  ["a term row changed", SECOND, "terms", (rows) => flipIn(rows, key(31), 3), /checksum/],
  ["a term row removed", SECOND, "terms", (rows) => void rows.delete(key(31)), /term table/],
  [
    "the state changed",
    SECOND,
    "meta",
    (rows) => flipIn(rows, Buffer.from("state").toString("hex"), 20),
    /state/,
  ],
  [
    "a producer changed",
    SECOND,
    "producers",
    (rows) => flipIn(rows, Buffer.from("p").toString("hex"), 2),
    /producer/,
  ],
];

/** What the check finds in one segment, as text; in this process, since what LMDB itself keeps is sound here. */
async function problemsOf(directory: string, segment: string): Promise<string> {
  const { problems } = await fsck(directory, { isolate: false });
  return problems
    .filter(({ where }) => where.endsWith(segment))
    .map(({ index, what }) => `${index} ${what}`)
    .join("\n");
}

describe("damage", () => {
  test("is told with its place and what to do", async () => {
    const directory = await copyOfLog();
    await changeTable(join(directory, FIRST), "entries", (rows) => flipIn(rows, key(10), 90));
    const { problems } = await fsck(directory);
    expect(problems).toEqual([
      {
        kind: "damage",
        where: join(directory, FIRST),
        index: 10,
        what: "entry 10: its checksum does not match its bytes",
        advice: expect.stringContaining("rejoin"),
      },
    ]);
  });

  test.each(DAMAGES)("%s is found", async (_name, segment, table, change, text) => {
    const directory = await copyOfLog();
    await changeTable(join(directory, segment), table, change);
    expect(await problemsOf(directory, segment)).toMatch(text);
  });

  test("an entry forged with its checksum, but not the chain behind it", async () => {
    const directory = await copyOfLog();
    const other = join(await temporaryDirectory(), "other");
    const store = await openLogStore({
      directory: other,
      logId: 1,
      segmentBytes: 1024,
      initial: { membership: SAMPLE_MEMBERSHIP },
      scanFirst: false,
    });
    await store.write(cycleOf({ entries: [...ENTRIES.slice(0, 9), noopEntry(10, 1)] }));
    await store.close();
    let forged: Buffer = Buffer.alloc(0);
    await changeTable(join(other, FIRST), "entries", (rows) => {
      forged = rows.get(key(10)) ?? forged;
    });
    await changeTable(join(directory, FIRST), "entries", (rows) => void rows.set(key(10), forged));
    expect(await problemsOf(directory, FIRST)).toMatch(/^11 the entry does not chain/);
  });

  test("a flipped bit anywhere in the sidecar's newest slot is survived by the other one", async () => {
    const directory = await copyOfLog();
    const file = await openFile(join(directory, "sidecar"), "r+");
    const slots = Buffer.alloc(8192);
    await file.read(slots, 0, 8192, 0);
    const newest = slots.readBigUInt64BE(12) > slots.readBigUInt64BE(4096 + 12) ? 0 : 4096;
    await file.write(Buffer.of((slots[newest + 60] ?? 0) ^ 1), 0, 1, newest + 60);
    await file.close();
    expect((await fsck(directory, { isolate: false })).problems).toEqual([]);
  });

  test("a segment in the place of another", async () => {
    const directory = await copyOfLog();
    await cp(join(directory, SECOND), join(directory, "segment-0000000000000099"), {
      recursive: true,
    });
    const { problems } = await fsck(directory, { isolate: false });
    expect(problems.map(({ what }) => what).join()).toContain("belongs elsewhere");
  });
});

describe("bits of the file, below LMDB", () => {
  const atRandom = [4099, 38_937, 56_356];

  test.each(atRandom)("flipped at %d: found, or the log is as it was", async (offset) => {
    const directory = await copyOfLog();
    await flipAt(join(directory, SECOND, "data.mdb"), (bytes) => [offset % bytes.length]);
    const report = await fsck(directory);
    const intact = report.headHash === chainOf(ENTRIES) && report.lastIndex === 59;
    expect(report.problems.length > 0 || intact).toBe(true);
  });

  test.each([30, 45, 59])("flipped in entry %d: found", async (index) => {
    const directory = await copyOfLog();
    const data = ENTRIES[index - 1]?.data ?? new Uint8Array(1);
    // Copy-on-write leaves old copies of a page behind; the live one is among them.
    await flipAt(join(directory, SECOND, "data.mdb"), (bytes) => {
      const places: number[] = [];
      for (let at = bytes.indexOf(data); at >= 0; at = bytes.indexOf(data, at + 1))
        places.push(at + 9);
      return places;
    });
    expect(await problemsOf(directory, SECOND)).toMatch(
      new RegExp(`^${index} entry ${index}: its checksum`),
    );
  });
});

async function flipAt(path: string, places: (bytes: Buffer) => readonly number[]): Promise<void> {
  const bytes = await readFile(path);
  const flipped = places(bytes);
  expect(flipped.length).toBeGreaterThan(0);
  for (const at of flipped) bytes[at] = (bytes[at] ?? 0) ^ 4;
  await writeFile(path, bytes);
}
