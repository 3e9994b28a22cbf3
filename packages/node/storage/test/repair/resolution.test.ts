/**
 * Goal: of two copies of a log that cannot both be right, the one that is kept stays as it is, and the other one is put aside whole, while
 * the log in its place remembers that it was emptied. Method: logs on disk, of which a crash may cut the moving at any step.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Entry } from "@annals/raft";
import { asSeq, encodeBatch } from "@annals/record";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clearEmptied, readEmptied } from "../../src/repair/emptiedFile.ts";
import { describeCopy } from "../../src/repair/logCopy.ts";
import { emptyCopy, isCarriedOut, keepCopy, placeEmptied } from "../../src/repair/resolution.ts";
import { fsck } from "../../src/check/fsck.ts";
import { fsckNode } from "../../src/check/fsckNode.ts";
import { openLogStore } from "../../src/openLogStore.ts";
import { readDivergence, writeDivergence } from "../../src/repair/divergenceFile.ts";

let data: string;
let directory: string;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "annals-resolution-"));
  directory = join(data, "logs", "2");
});
afterEach(() => rm(data, { recursive: true, force: true }));

const VOTERS = [1, 2, 3].map(asMemberId);
const MEMBERSHIP = {
  voters: VOTERS,
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};
const DECISION = { by: "ada", at: 1_700_000_000_000, kept: { node: "b", member: asMemberId(2) } };
const DIVERGENCE = {
  since: 1_700_000_000_000,
  own: { index: 2, term: 3, hash: "aa".repeat(32), commitIndex: 1 },
  other: { member: 3, index: 2, term: 4, hash: "bb".repeat(32), commitIndex: 8 },
};
const place = () => ({ directory, logId: 2, segmentBytes: 2 ** 20 });

/** Two entries with two records each, of which the disk knows the first to be committed; the vote of term 5 went to member 3. */
async function log(): Promise<string> {
  const store = await openLogStore({
    ...place(),
    initial: { membership: MEMBERSHIP },
    scanFirst: false,
  });
  const entries = [1, 2].map((index): Entry => {
    const header = {
      firstSeq: asSeq(2 * index - 1),
      count: 2,
      recordedAt: 1000 * index,
      requests: [{ count: 2, producer: undefined }],
    };
    const record = new TextEncoder().encode("\u0080");
    return {
      index: asIndex(index),
      term: asTerm(3),
      kind: "records",
      data: encodeBatch(header, [record, record]),
    };
  });
  const hardState = { term: asTerm(5), votedFor: asMemberId(3), commitIndex: asIndex(1) };
  await store.write({ entries, hardState, applied: undefined });
  const head = Buffer.from(store.headHash()).toString("hex");
  await store.close();
  return head;
}

describe("a copy", () => {
  test("tells where it ends, and what it has from where the copies part", async () => {
    const headHash = await log();
    await writeDivergence(directory, DIVERGENCE);
    expect(await describeCopy(place())).toEqual({
      lastIndex: 2,
      lastTerm: 3,
      lastSeq: 4,
      headHash,
      commitIndex: 1,
      divergence: DIVERGENCE,
      emptied: undefined,
      aside: [],
      parted: {
        from: 2,
        to: 2,
        records: 2,
        firstSeq: 3,
        lastSeq: 4,
        firstRecordedAt: 2000,
        lastRecordedAt: 2000,
      },
    });
  });

  test("that has met no difference does not say where the copies part", async () => {
    await log();
    expect(await describeCopy(place())).toMatchObject({ divergence: undefined, parted: undefined });
  });
});

describe("a copy that is kept", () => {
  test("is whole and committed to its end, and its mark is gone for a record of the decision", async () => {
    const headHash = await log();
    await writeDivergence(directory, DIVERGENCE);
    await keepCopy(place(), DECISION);
    expect(await describeCopy(place())).toMatchObject({
      lastIndex: 2,
      commitIndex: 2,
      headHash,
      divergence: undefined,
    });
    expect(await readdir(directory)).toContain("resolved-20231114T221320000Z.json");
    await keepCopy(place(), { ...DECISION, at: DECISION.at + 1 });
    expect((await fsck(directory)).problems).toEqual([]);
  });

  test("stands still until the record of the decision is durable", async () => {
    await log();
    await writeDivergence(directory, DIVERGENCE);
    const record = join(directory, "resolved-20231114T221320000Z.json");
    await mkdir(record);
    await expect(keepCopy(place(), DECISION)).rejects.toMatchObject({ code: "EISDIR" });
    expect(await readDivergence(directory)).toEqual(DIVERGENCE);
    await rm(record, { recursive: true });
    await keepCopy(place(), DECISION);
    expect(await readDivergence(directory)).toBeUndefined();
    expect(await readFile(record, "utf8")).toContain(DIVERGENCE.other.hash);
  });

  test("cannot be one that was emptied", async () => {
    await log();
    await emptyCopy(place(), VOTERS, DECISION);
    await expect(keepCopy(place(), DECISION)).rejects.toMatchObject({ code: "ERR_COPY_EMPTIED" });
  });
});

describe("a copy that is given up", () => {
  test("lies aside whole, and the log in its place is empty, with the term, the vote and the mark", async () => {
    const headHash = await log();
    await writeDivergence(directory, DIVERGENCE);
    const aside = await emptyCopy(place(), VOTERS, DECISION);
    expect(aside).toBe(`${directory}.aside-20231114T221320000Z`);
    const put = await describeCopy({ ...place(), directory: aside ?? "" });
    expect(put).toMatchObject({ lastIndex: 2, headHash, divergence: DIVERGENCE });
    expect(await describeCopy(place())).toMatchObject({
      lastIndex: 0,
      divergence: undefined,
      emptied: DECISION.kept,
      aside: ["2.aside-20231114T221320000Z"],
    });
    const store = await openLogStore(place());
    expect(store.initialState()).toEqual({
      hardState: { term: 5, votedFor: 3, commitIndex: 0 },
      membership: MEMBERSHIP,
    });
    await store.close();
  });

  test("is given up once, until another difference is met or another copy is kept", async () => {
    await log();
    expect(await emptyCopy(place(), VOTERS, DECISION)).toBeDefined();
    const again = { ...DECISION, at: DECISION.at + 1 };
    expect(await emptyCopy(place(), VOTERS, again)).toBeUndefined();
    const other = { ...again, kept: { node: "c", member: asMemberId(3) } };
    expect(await emptyCopy(place(), VOTERS, other)).toBeDefined();
    expect(await readEmptied(directory)).toEqual(other.kept);
    await writeDivergence(directory, DIVERGENCE);
    const later = { ...other, at: other.at + 1 };
    expect(await emptyCopy(place(), VOTERS, later)).toBeDefined();
    expect(await readDivergence(directory)).toBeUndefined();
  });

  test("is not opened in its place when a crash hits between the moves, and the command goes on", async () => {
    await log();
    const aside = await emptyCopy(place(), VOTERS, DECISION);
    await rename(directory, `${directory}.emptied`);
    expect(await emptyCopy(place(), VOTERS, DECISION)).toBeUndefined();
    expect(await readEmptied(directory)).toEqual(DECISION.kept);
    expect(await readdir(join(data, "logs"))).toEqual(["2", aside?.split("/").at(-1)]);
  });

  test("is given up anew when a crash hits before it was moved", async () => {
    const headHash = await log();
    const first = await emptyCopy(place(), VOTERS, DECISION);
    await rename(directory, `${directory}.emptied`);
    await rename(first ?? "", directory);
    const aside = await emptyCopy(place(), VOTERS, DECISION);
    expect(await describeCopy({ ...place(), directory: aside ?? "" })).toMatchObject({ headHash });
  });

  test("is given up with the promises of the sidecar when it is damaged", async () => {
    await log();
    const segment = join(directory, "segment-0000000000000001");
    await rm(segment, { recursive: true });
    await emptyCopy(place(), VOTERS, DECISION);
    const store = await openLogStore(place());
    expect(store.initialState().hardState).toMatchObject({ term: 5, votedFor: 3 });
    await store.close();
  });

  test("leaves a mark that holds when it is damaged, and goes when it is cleared", async () => {
    await log();
    await emptyCopy(place(), VOTERS, DECISION);
    await writeFile(join(directory, "emptied.json"), "{");
    expect(await readEmptied(directory)).toEqual({ node: "unknown", member: 0 });
    await clearEmptied(directory);
    expect(await readEmptied(directory)).toBeUndefined();
  });
});

describe("a decision of _system", () => {
  const ONLINE = { ...DECISION, index: 17 };
  const carriedOut = (index: number): Promise<boolean> =>
    isCarriedOut(directory, { index, at: ONLINE.at });

  /** What one entry more makes of the log: it has gone on. */
  async function append(): Promise<void> {
    const store = await openLogStore(place());
    const { hardState } = store.initialState();
    const index = asIndex(store.lastIndex() + 1);
    const entry: Entry = { index, term: asTerm(5), kind: "noop", data: new Uint8Array(0) };
    await store.write({ entries: [entry], hardState, applied: undefined });
    await store.close();
  }

  test("keeps a copy once: what the log holds since is not committed by it", async () => {
    await log();
    await writeDivergence(directory, DIVERGENCE);
    expect(await carriedOut(17)).toBe(false);
    expect(await keepCopy(place(), ONLINE)).toBe(true);
    expect(await carriedOut(17)).toBe(true);
    await append();
    expect(await keepCopy(place(), ONLINE)).toBe(false);
    expect(await describeCopy(place())).toMatchObject({ lastIndex: 3, commitIndex: 2 });
  });

  test("clears the mark that its record names after a crash, and no later one", async () => {
    await log();
    await writeDivergence(directory, DIVERGENCE);
    await keepCopy(place(), ONLINE);
    await writeDivergence(directory, DIVERGENCE);
    await keepCopy(place(), ONLINE);
    expect(await readDivergence(directory)).toBeUndefined();
    const later = { ...DIVERGENCE, since: DIVERGENCE.since + 1 };
    await writeDivergence(directory, later);
    await keepCopy(place(), ONLINE);
    expect(await readDivergence(directory)).toEqual(later);
  });

  test("is carried out on a kept copy when a crash comes before its record", async () => {
    await log();
    await writeDivergence(directory, DIVERGENCE);
    await keepCopy(place(), ONLINE);
    await rm(join(directory, "resolved-20231114T221320000Z-17.json"));
    await writeDivergence(directory, DIVERGENCE);
    expect(await keepCopy(place(), ONLINE)).toBe(true);
    expect(await readDivergence(directory)).toBeUndefined();
  });

  test("puts a copy aside once, also when what was kept is here and the mark is gone", async () => {
    await log();
    expect(await emptyCopy(place(), VOTERS, ONLINE)).toBeDefined();
    await clearEmptied(directory);
    await append();
    expect(await carriedOut(17)).toBe(true);
    expect(await emptyCopy(place(), VOTERS, ONLINE)).toBeUndefined();
    expect(await describeCopy(place())).toMatchObject({ lastIndex: 1, emptied: undefined });
  });

  test("puts a copy aside anew for another decision, and the earlier one stays done", async () => {
    await log();
    await emptyCopy(place(), VOTERS, ONLINE);
    await clearEmptied(directory);
    const later = { ...ONLINE, index: 23, at: ONLINE.at + 1 };
    expect(await emptyCopy(place(), VOTERS, later)).toBeDefined();
    expect(await carriedOut(17)).toBe(true);
    expect(await isCarriedOut(directory, later)).toBe(true);
    // As in another history of `_system`.
    expect(await carriedOut(16)).toBe(false);
    expect(await isCarriedOut(directory, { index: 17, at: ONLINE.at + 2 })).toBe(false);
  });

  test("is on record, and changes nothing, on a copy that waits for the same one already", async () => {
    await log();
    await emptyCopy(place(), VOTERS, DECISION);
    const later = { ...ONLINE, at: DECISION.at + 1 };
    expect(await isCarriedOut(directory, later)).toBe(false);
    expect(await emptyCopy(place(), VOTERS, later)).toBeUndefined();
    expect(await isCarriedOut(directory, later)).toBe(true);
  });

  test("does not stand against one that was made on stopped nodes since", async () => {
    await log();
    await keepCopy(place(), DECISION);
    expect(await isCarriedOut(directory, { index: 17, at: DECISION.at })).toBe(true);
    expect(await isCarriedOut(directory, { index: 17, at: DECISION.at + 1 })).toBe(false);
  });

  test("holds although its record is damaged", async () => {
    await log();
    await keepCopy(place(), ONLINE);
    await writeFile(join(directory, "resolved-20231114T221320000Z-17.json"), "{");
    expect(await keepCopy(place(), ONLINE)).toBe(false);
  });

  test.each(["before", "between"] as const)("goes on after a crash %s the moves", async (when) => {
    const headHash = await log();
    const aside = (await emptyCopy(place(), VOTERS, ONLINE)) ?? "";
    await rename(directory, `${directory}.emptied`);
    if (when === "before") await rename(aside, directory);
    await placeEmptied(directory);
    expect(await carriedOut(17)).toBe(when === "between");
    await emptyCopy(place(), VOTERS, ONLINE);
    expect(await readEmptied(directory)).toEqual(ONLINE.kept);
    expect(await describeCopy({ ...place(), directory: aside })).toMatchObject({ headHash });
    expect(await readdir(join(data, "logs"))).toEqual(["2", aside.split("/").at(-1)]);
  });

  test("goes on after a crash in which the emptied log had no mark yet", async () => {
    await log();
    const aside = (await emptyCopy(place(), VOTERS, ONLINE)) ?? "";
    const next = `${directory}.emptied`;
    await rename(directory, next);
    await rename(aside, directory);
    await clearEmptied(next);
    await placeEmptied(directory);
    expect(await emptyCopy(place(), VOTERS, ONLINE)).toBe(aside);
    expect(await readEmptied(directory)).toEqual(ONLINE.kept);
  });
});

test("a check of the node looks at the log in place, and leaves copies that lie aside alone", async () => {
  await log();
  await emptyCopy(place(), VOTERS, DECISION);
  const reports = await fsckNode(data);
  expect(reports).toMatchObject([{ directory, logId: 2, lastIndex: 0, problems: [] }]);
});
