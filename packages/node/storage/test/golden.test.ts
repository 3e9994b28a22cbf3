// Goal: a log that was written once can be read for ever. Every format version has a file with all rows of a small log; today's writer
// must give the newest file's rows, today's reader must open a log made of any file's rows.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  batchEntry,
  chainOf,
  cycleOf,
  hardState,
  hex,
  noopEntry,
  readGolden,
  SAMPLE_MEMBERSHIP,
} from "@annals/kit";
import { asIndex } from "@annals/raft";
import { asSeq } from "@annals/record";
import { open } from "lmdb";
import { expect, test } from "vitest";
import { fsck } from "../src/check/fsck.ts";
import { openLogStore } from "../src/openLogStore.ts";
import type { LmdbLogStore } from "../src/logStore.ts";
import { temporaryDirectory } from "./support/directory.ts";

const TABLES = ["batches", "entries", "groups", "meta", "producers", "terms"];
const SEGMENT = "segment-0000000000000001";
const BINARY = { encoding: "binary", keyEncoding: "binary" } as const;
const ENTRIES = [
  noopEntry(1, 1),
  batchEntry(2, 1, 1, [Buffer.from("one"), Buffer.from("two")]),
  noopEntry(3, 300),
];
const PRODUCER = {
  epoch: 1,
  recent: [
    { sequence: 4, fingerprint: 2 ** 50 + 1, firstSeq: asSeq(1), lastSeq: asSeq(2), count: 2 },
  ],
  lastIndex: asIndex(2),
};
const GROUP = {
  id: asIndex(2),
  name: "sinks",
  settings: "graph 1",
  begin: asSeq(0),
  feeds: "graph bolt://g",
  lanes: [{ position: asSeq(1), token: 3, member: "one" }],
};

function openSample(directory: string): Promise<LmdbLogStore> {
  const initial = { membership: SAMPLE_MEMBERSHIP };
  return openLogStore({
    directory,
    logId: 9,
    segmentBytes: 1024 * 1024,
    initial,
    scanFirst: false,
  });
}

async function writeSample(directory: string): Promise<void> {
  const store = await openSample(directory);
  const applied = {
    appliedIndex: asIndex(2),
    membership: undefined,
    producers: new Map([["p", PRODUCER]]),
    groups: new Map([[GROUP.id, GROUP]]),
  };
  await store.write(cycleOf({ entries: ENTRIES, hardState: hardState(301, 2, 2), applied }));
  await store.close();
}

/** Every row of the log, and the slot of the sidecar that is valid. */
async function rowsOf(directory: string): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  const root = open<Buffer, Buffer>({
    ...BINARY,
    path: join(directory, SEGMENT),
    noSubdir: false,
    maxDbs: 8,
  });
  for (const table of TABLES) {
    for (const { key, value } of root.openDB<Buffer, Buffer>(table, BINARY).getRange({}))
      rows.set(`${table} ${hex(key)}`, hex(value));
  }
  await root.close();
  const sidecar = await readFile(join(directory, "sidecar"));
  rows.set("sidecar slot", hex(sidecar.subarray(4096, 4096 + 88)));
  return rows;
}

async function makeLog(directory: string, rows: ReadonlyMap<string, string>): Promise<void> {
  await mkdir(join(directory, SEGMENT), { recursive: true });
  const root = open<Buffer, Buffer>({
    ...BINARY,
    path: join(directory, SEGMENT),
    noSubdir: false,
    maxDbs: 8,
  });
  const tables = new Map(
    TABLES.map((table) => [table, root.openDB<Buffer, Buffer>(table, BINARY)] as const),
  );
  for (const [name, value] of rows) {
    const [table = "", key = ""] = name.split(" ");
    await tables.get(table)?.put(Buffer.from(key, "hex"), Buffer.from(value, "hex"));
  }
  await root.close();
  const sidecar = Buffer.alloc(8192);
  sidecar.set(Buffer.from(rows.get("sidecar slot") ?? "", "hex"), 4096);
  await writeFile(join(directory, "sidecar"), sidecar);
}

test("what is written is format 1, byte for byte", async () => {
  const directory = await temporaryDirectory();
  await writeSample(directory);
  const rows = await rowsOf(directory);
  expect(rows).toEqual(readGolden(import.meta.dirname, "log.v1.hex", rows));
});

test("a log of format 1 is opened, read and found sound", async () => {
  const directory = join(await temporaryDirectory(), "old");
  await makeLog(directory, readGolden(import.meta.dirname, "log.v1.hex", new Map()));
  expect((await fsck(directory, { isolate: false })).problems).toEqual([]);
  const store = await openSample(directory);
  expect(hex(store.headHash())).toBe(chainOf(ENTRIES));
  expect(store.initialState()).toEqual({
    hardState: hardState(301, 2, 2),
    membership: SAMPLE_MEMBERSHIP,
  });
  expect(store.indexOfSeq(asSeq(2))).toBe(2);
  expect(store.term(asIndex(3))).toBe(300);
  expect(store.appliedIndex()).toBe(2);
  expect([...store.producers()]).toEqual([["p", PRODUCER]]);
  expect([...store.groups()]).toEqual([[GROUP.id, GROUP]]);
  await store.close();
});
