// Goal: a damaged log comes back byte for byte, from what is intact here and what others have, or stays as it is and says so.
// Method: a log in two segments is damaged in one place, through LMDB and below it, diagnosed, rebuilt, opened and compared.
import { cp, mkdir, open as openFile, readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import {
  batchEntry,
  chainOf,
  cycleOf,
  hardState,
  noopEntry,
  plainEntries,
  repairFrom,
  SAMPLE_MEMBERSHIP,
} from "@annals/kit";
import { asIndex } from "@annals/raft";
import type { Entry } from "@annals/raft";
import { asSeq } from "@annals/record";
import { beforeAll, describe, expect, test } from "vitest";
import { diagnoseLog } from "../../src/repair/diagnosis.ts";
import { DiskFloor } from "../../src/disk/diskFloor.ts";
import { fsck } from "../../src/check/fsck.ts";
import { openLogStore } from "../../src/openLogStore.ts";
import { removeDamaged } from "../../src/segments/segmentDirectory.ts";
import { StorageError } from "../../src/storageError.ts";
import type { LmdbLogStore } from "../../src/logStore.ts";
import { changeTable, exchange, flipIn, key } from "../support/changeTable.ts";
import type { Rows } from "../support/changeTable.ts";
import { temporaryDirectory } from "../support/directory.ts";
import { keptDirectory } from "../support/keptDirectory.ts";

/** Large enough that a segment has pages of entries only. */
const BIG = new Uint8Array(1500).fill(7);
const ENTRIES: readonly Entry[] = [
  ...plainEntries(1, 20, 1),
  ...Array.from({ length: 20 }, (_, k) => batchEntry(21 + k, 1, 21 + k, [BIG])),
  noopEntry(41, 4),
  ...Array.from({ length: 40 }, (_, k) => batchEntry(42 + k, 4, 41 + k, [BIG])),
];
const SEAL = 40;
const GROUP = {
  id: asIndex(2),
  name: "sink",
  settings: "s",
  begin: asSeq(0),
  feeds: "a place",
  lanes: [{ position: asSeq(1), token: 2, member: "one" }],
};
const FIRST = "segment-0000000000000001";
const SECOND = "segment-0000000000000041";
const sound = keptDirectory();
const kept = join(sound.path, "log");

function open(directory: string, segmentBytes = 1024 * 1024): Promise<LmdbLogStore> {
  return openLogStore({
    directory,
    logId: 1,
    segmentBytes,
    initial: { membership: SAMPLE_MEMBERSHIP },
    scanFirst: false,
  });
}

beforeAll(async () => {
  let store = await open(kept);
  await store.write(cycleOf({ entries: ENTRIES.slice(0, SEAL), hardState: hardState(1, 1, SEAL) }));
  await store.close();
  store = await open(kept, 1024);
  const [firstSeq, lastSeq] = [store.lastSeq(), store.lastSeq()];
  const recent = [{ sequence: 1, fingerprint: 7, firstSeq, lastSeq, count: 1 }];
  const producers = new Map([["p", { epoch: 1, recent, lastIndex: store.lastIndex() }]]);
  const applied = {
    appliedIndex: asIndex(SEAL),
    membership: undefined,
    producers,
    groups: new Map([[GROUP.id, GROUP]]),
  };
  await store.write(
    cycleOf({ entries: ENTRIES.slice(SEAL, 60), hardState: hardState(4, 2, SEAL) }),
  );
  await store.close();
  store = await open(kept);
  await store.write(
    cycleOf({ entries: ENTRIES.slice(60), hardState: hardState(4, 2, 70), applied }),
  );
  await store.close();
});

async function copyOfLog(): Promise<string> {
  const directory = join(await temporaryDirectory(), "log");
  await cp(kept, directory, { recursive: true });
  return directory;
}

/** What a store says of itself, for comparison. */
async function contentOf(directory: string): Promise<unknown> {
  const store = await open(directory);
  const last = store.lastIndex();
  const entries = store.entries(asIndex(1), asIndex(last + 1), Infinity, Infinity);
  const content = {
    entries:
      entries === "compacted"
        ? []
        : entries.map((entry) => ({ ...entry, data: Buffer.from(entry.data).toString("hex") })),
    state: store.initialState(),
    applied: store.appliedIndex(),
    producers: store.producers(),
    groups: store.groups(),
    head: Buffer.from(store.headHash()).toString("hex"),
    lastSeq: store.lastSeq(),
    indexes: [1, 20, 41, 60, 79].map((seq) => store.indexOfSeq(asSeq(seq))),
    terms: [0, 1, 40, 41, 80].map((index) => store.term(asIndex(index))),
  };
  await store.close();
  return content;
}

/** The log is the one that it was, and fsck finds nothing but what was put aside. */
async function expectWhole(directory: string): Promise<void> {
  expect(await contentOf(directory)).toEqual(await contentOf(kept));
  const { problems, headHash } = await fsck(directory, { isolate: false });
  expect(problems.filter(({ kind }) => kind === "damage")).toEqual([]);
  expect(headHash).toBe(chainOf(ENTRIES));
}

/** Where LMDB's own pages are sound, nothing ends a reader. */
const SAME_PROCESS = { isolate: false };

const STATE = Buffer.from("state").toString("hex");

const DAMAGES: readonly (readonly [string, string, string, (rows: Rows) => void])[] = [
  ["a byte of an entry", FIRST, "entries", (rows) => flipIn(rows, key(30), 90)],
  ["the first entry of a log", FIRST, "entries", (rows) => flipIn(rows, key(1), 90)],
  ["an entry's term", SECOND, "entries", (rows) => flipIn(rows, key(50), 9)],
  ["the last entry", SECOND, "entries", (rows) => flipIn(rows, key(81), 100)],
  ["the entry at the seal removed", FIRST, "entries", (rows) => void rows.delete(key(SEAL))],
  ["two entries exchanged", FIRST, "entries", (rows) => exchange(rows, key(3), key(4))],
  [
    "several entries, far apart",
    SECOND,
    "entries",
    (rows) => {
      for (const index of [41, 50, 80]) rows.delete(key(index));
    },
  ],
  [
    "every entry",
    FIRST,
    "entries",
    (rows) => {
      rows.clear();
    },
  ],
  ["a batch row", FIRST, "batches", (rows) => flipIn(rows, key(7), 7)],
  ["a batch row removed", SECOND, "batches", (rows) => void rows.delete(key(47))],
  ["a term row", SECOND, "terms", (rows) => flipIn(rows, key(41), 3)],
  ["the state of a sealed segment", FIRST, "meta", (rows) => flipIn(rows, STATE, 20)],
  [
    "an entry beyond the end",
    SECOND,
    "entries",
    (rows) => void rows.set(key(90), Buffer.alloc(80)),
  ],
];

describe("a damaged log is rebuilt from others", () => {
  test.each(DAMAGES)("%s", async (_name, segment, table, change) => {
    const directory = await copyOfLog();
    await changeTable(join(directory, segment), table, change);
    expect(await repairFrom(directory, [ENTRIES], SAME_PROCESS)).toBe("repaired");
    await expectWhole(directory);
    expect((await diagnoseLog(directory, SAME_PROCESS)).kind).toBe("sound");
    expect(await readdir(directory)).toContain(`${segment}.damaged`);
    await removeDamaged(directory);
    expect((await readdir(directory)).toSorted()).toEqual((await readdir(kept)).toSorted());
  });

  test("a sound log is left alone", async () => {
    const directory = await copyOfLog();
    expect(await repairFrom(directory, [])).toBe("sound");
    expect((await readdir(directory)).toSorted()).toEqual((await readdir(kept)).toSorted());
  });

  test("both segments, and the state of the older one", { timeout: 20_000 }, async () => {
    const directory = await copyOfLog();
    await changeTable(join(directory, FIRST), "meta", (rows) => flipIn(rows, STATE, 20));
    await changeTable(join(directory, FIRST), "entries", (rows) => flipIn(rows, key(SEAL), 90));
    await changeTable(join(directory, SECOND), "entries", (rows) => flipIn(rows, key(42), 90));
    expect(await repairFrom(directory, [ENTRIES])).toBe("repaired");
    await expectWhole(directory);
  });

  test("a segment between two sound ones, whose word for what it begins behind is gone", async () => {
    const directory = join(await temporaryDirectory(), "log");
    // A roll comes with the first write to a full segment, behind what is committed.
    const store = await open(directory, 1);
    const parts = [ENTRIES.slice(0, 30), ENTRIES.slice(30, 50), ENTRIES.slice(50)];
    for (const entries of parts) {
      const [term, commit] = [entries.at(-1)?.term ?? 0, entries.at(-1)?.index ?? 0];
      await store.write(cycleOf({ entries, hardState: hardState(term, 1, commit) }));
    }
    await store.close();
    const before = await contentOf(directory);
    const middle = join(directory, "segment-0000000000000031");
    await changeTable(middle, "meta", (rows) => flipIn(rows, STATE, 20));
    await changeTable(middle, "entries", (rows) => flipIn(rows, key(33), 90));
    expect(await repairFrom(directory, [ENTRIES], SAME_PROCESS)).toBe("repaired");
    expect(await contentOf(directory)).toEqual(before);
    expect((await diagnoseLog(directory, SAME_PROCESS)).kind).toBe("sound");
  });

  test("a sealed segment whose file kills its reader, or is gone", {
    timeout: 20_000,
  }, async () => {
    for (const damage of [
      (file: string) => truncate(file, 8192),
      (file: string) => truncate(file, 0),
    ]) {
      const directory = await copyOfLog();
      await damage(join(directory, FIRST, "data.mdb"));
      expect(await repairFrom(directory, [ENTRIES])).toBe("repaired");
      await expectWhole(directory);
    }
  });

  test("zeroed pages of a sealed segment", { timeout: 60_000 }, async () => {
    const { size } = await stat(join(kept, FIRST, "data.mdb"));
    for (let page = 0; page < size / 4096; page += 7) {
      const directory = await copyOfLog();
      await zeroPage(join(directory, FIRST, "data.mdb"), page);
      expect(await repairFrom(directory, [ENTRIES]), `page ${page}`).toMatch(/sound|repaired/);
      await expectWhole(directory);
    }
  });

  test("what is intact here counts, when the others are damaged elsewhere", async () => {
    const directory = await copyOfLog();
    await changeTable(join(directory, FIRST), "entries", (rows) => {
      rows.delete(key(10));
      rows.delete(key(20));
    });
    const peers = [
      ENTRIES.filter(({ index }) => index < 11 || index > 20),
      ENTRIES.filter(({ index }) => index >= 20),
    ];
    expect(await repairFrom(directory, peers, SAME_PROCESS)).toBe("repaired");
    await expectWhole(directory);
  });

  test("producers that cannot be read are those that the applied entries add up to", async () => {
    const directory = join(await temporaryDirectory(), "log");
    const stamp = { id: "p", epoch: 3, sequence: 1, fingerprint: 7 };
    const entries = [batchEntry(1, 1, 1, [BIG], stamp), ...plainEntries(2, 9, 1)];
    let store = await open(directory);
    const [firstSeq, lastSeq] = [store.lastSeq(), store.lastSeq()];
    const recent = [{ sequence: 1, fingerprint: 7, firstSeq, lastSeq, count: 1 }];
    const wrong = new Map([["p", { epoch: 1, recent, lastIndex: asIndex(1) }]]);
    const applied = {
      appliedIndex: asIndex(5),
      membership: undefined,
      producers: wrong,
      groups: new Map(),
    };
    await store.write(cycleOf({ entries, hardState: hardState(1, 1, 9), applied }));
    await store.close();
    await changeTable(join(directory, FIRST), "producers", (rows) =>
      flipIn(rows, Buffer.from("p").toString("hex"), 2),
    );
    expect(await repairFrom(directory, [], SAME_PROCESS)).toBe("repaired");
    store = await open(directory);
    expect([...store.producers()]).toEqual([
      [
        "p",
        {
          epoch: 3,
          lastIndex: 1,
          recent: [{ sequence: 1, fingerprint: 7, firstSeq: 1, lastSeq: 1, count: 1 }],
        },
      ],
    ]);
    await store.close();
  });
  test("nobody is in them whose entries are not applied yet: those are applied once, later", async () => {
    const directory = join(await temporaryDirectory(), "log");
    const stamp = (id: string) => ({ id, epoch: 3, sequence: 1, fingerprint: 7 });
    const entries = [
      batchEntry(1, 1, 1, [BIG], stamp("p")),
      ...plainEntries(2, 6, 1),
      batchEntry(7, 1, 7, [BIG], stamp("committed")),
      batchEntry(8, 1, 8, [BIG], stamp("uncommitted")),
    ];
    let store = await open(directory);
    const recent = [
      { sequence: 1, fingerprint: 7, firstSeq: asSeq(1), lastSeq: asSeq(1), count: 1 },
    ];
    const applied = {
      appliedIndex: asIndex(5),
      membership: undefined,
      producers: new Map([["p", { epoch: 3, recent, lastIndex: asIndex(1) }]]),
      groups: new Map(),
    };
    await store.write(cycleOf({ entries, hardState: hardState(1, 1, 7), applied }));
    await store.close();
    await changeTable(join(directory, FIRST), "producers", (rows) =>
      flipIn(rows, Buffer.from("p").toString("hex"), 2),
    );
    expect(await repairFrom(directory, [], SAME_PROCESS)).toBe("repaired");
    store = await open(directory);
    expect(store.appliedIndex()).toBe(5);
    expect([...store.producers()]).toEqual([["p", { epoch: 3, recent, lastIndex: 1 }]]);
    await store.close();
  });
});

describe("what cannot be rebuilt", () => {
  test("stays as it is while nobody has it", async () => {
    const directory = await copyOfLog();
    await changeTable(join(directory, FIRST), "entries", (rows) => flipIn(rows, key(30), 90));
    expect(
      await repairFrom(directory, [ENTRIES.filter(({ index }) => index !== 30)], SAME_PROCESS),
    ).toBe("missing");
    await expect(diagnoseLog(directory, SAME_PROCESS)).resolves.toMatchObject({
      kind: "damaged",
      problems: [expect.stringContaining("entry 30")],
    });
    expect(await repairFrom(directory, [ENTRIES], SAME_PROCESS)).toBe("repaired");
    await expectWhole(directory);
  });

  test("is not replaced by what others have instead", async () => {
    const directory = await copyOfLog();
    await changeTable(join(directory, FIRST), "entries", (rows) => flipIn(rows, key(30), 90));
    const other = ENTRIES.map((entry) => (entry.index === 30 ? noopEntry(30, 1) : entry));
    expect(await repairFrom(directory, [other], SAME_PROCESS)).toBe("missing");
  });

  test("by what proved wrong is rebuilt from the next one, who begins anew", async () => {
    const directory = await copyOfLog();
    await changeTable(join(directory, FIRST), "entries", (rows) => {
      for (const index of [29, 30, 31]) rows.delete(key(index));
    });
    const other = ENTRIES.map((entry) => (entry.index === 29 ? noopEntry(29, 1) : entry));
    expect(await repairFrom(directory, [other, ENTRIES], SAME_PROCESS)).toBe("repaired");
    await expectWhole(directory);
  });

  test.each<[string, (directory: string) => Promise<void>]>([
    [
      "the active segment's state",
      (directory) =>
        changeTable(join(directory, SECOND), "meta", (rows) => flipIn(rows, STATE, 20)),
    ],
    ["a cut active segment", (directory) => truncate(join(directory, SECOND, "data.mdb"), 8192)],
    ["a cut sidecar", (directory) => truncate(join(directory, "sidecar"), 10)],
    [
      "both meta pages",
      async (directory) => {
        await zeroPage(join(directory, SECOND, "data.mdb"), 0);
        await zeroPage(join(directory, SECOND, "data.mdb"), 1);
      },
    ],
  ])("%s makes the log unusable", async (_name, damage) => {
    const directory = await copyOfLog();
    await damage(directory);
    expect(await repairFrom(directory, [ENTRIES])).toBe("unusable");
  });
});

describe("without room for a second copy", { timeout: 30_000 }, () => {
  /** Refuses the nth time that it is asked. */
  class ScriptedFloor extends DiskFloor {
    #left: number;

    constructor(directory: string, nth: number) {
      super(directory, 1);
      this.#left = nth;
    }

    override assertRoom(needed: number): void {
      if (--this.#left === 0) throw new StorageError("ERR_DISK_FULL", "no room");
      super.assertRoom(needed);
    }
  }

  async function filesOf(directory: string): Promise<readonly string[]> {
    return (await readdir(directory)).toSorted();
  }

  test.each([true, false])("nothing is begun, read by a child: %s", async (isolate) => {
    const directory = await copyOfLog();
    await changeTable(join(directory, FIRST), "entries", (rows) => flipIn(rows, key(30), 90));
    const files = await filesOf(directory);
    const floor = new DiskFloor(directory, 2 ** 60);
    await expect(repairFrom(directory, [ENTRIES], { isolate, floor })).rejects.toMatchObject({
      code: "ERR_DISK_FULL",
      retryable: true,
    });
    expect(await filesOf(directory)).toEqual(files);
    expect(await repairFrom(directory, [ENTRIES], { isolate })).toBe("repaired");
    await expectWhole(directory);
  });

  test("a child refuses for itself", async () => {
    const directory = await copyOfLog();
    await changeTable(join(directory, FIRST), "entries", (rows) => flipIn(rows, key(30), 90));
    const files = await filesOf(directory);
    const floor = new DiskFloor(directory, 2 ** 60);
    floor.assertRoom = () => {};
    await expect(repairFrom(directory, [ENTRIES], { floor })).rejects.toMatchObject({
      code: "ERR_DISK_FULL",
    });
    expect(await filesOf(directory)).toEqual(files);
  });

  test("what was begun is given up, whenever the room is gone", async () => {
    const directory = await copyOfLog();
    await changeTable(join(directory, FIRST), "entries", (rows) => flipIn(rows, key(30), 90));
    const files = await filesOf(directory);
    let refusals = 0;
    for (;;) {
      const floor = new ScriptedFloor(directory, refusals + 1);
      const outcome = await repairFrom(directory, [ENTRIES], { ...SAME_PROCESS, floor }).catch(
        (error: unknown) => error,
      );
      if (outcome === "repaired") break;
      expect(outcome).toMatchObject({ code: "ERR_DISK_FULL" });
      expect(await filesOf(directory)).toEqual(files);
      refusals += 1;
    }
    // Before it begins, salvaged, fetched, put in their place, and the tables.
    expect(refusals).toBe(5);
    await expectWhole(directory);
  });
});

describe("a crash during a repair", () => {
  test("leaves the old or the new segment, at every step", { timeout: 20_000 }, async () => {
    const directory = await copyOfLog();
    await changeTable(join(directory, FIRST), "entries", (rows) => flipIn(rows, key(30), 90));
    await changeTable(join(directory, SECOND), "terms", (rows) => flipIn(rows, key(41), 3));
    const copies: string[] = [];
    const result = await repairFrom(directory, [ENTRIES], {
      ...SAME_PROCESS,
      onStep: async (step) => {
        const copy = join(await temporaryDirectory(), `${step}-${copies.length}`);
        await cp(directory, copy, { recursive: true });
        copies.push(copy);
      },
    });
    expect(result).toBe("repaired");
    expect(copies.length).toBe(10);
    for (const copy of copies) {
      // As at a start: what was left unfinished is cleared away by the opening, whatever it then says of the log.
      const opened = await open(copy).catch(() => undefined);
      await opened?.close();
      const outcome = await repairFrom(copy, [ENTRIES], SAME_PROCESS);
      expect(outcome, `copy ${copy}`).toMatch(/sound|repaired/);
      await expectWhole(copy);
    }
  });

  test("while salvaged and fetched entries are gathered leaves nothing behind", async () => {
    const directory = await copyOfLog();
    await mkdir(join(directory, `new-${FIRST}`));
    await mkdir(join(directory, "new-fetched-30"));
    await expectWhole(directory);
    expect((await readdir(directory)).filter((name) => name.startsWith("new-"))).toEqual([]);
  });
});

async function zeroPage(path: string, page: number): Promise<void> {
  const file = await openFile(path, "r+");
  await file.write(new Uint8Array(4096), 0, 4096, page * 4096);
  await file.close();
}
