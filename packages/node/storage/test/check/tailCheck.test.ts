/**
 * Goal: of a log that is too large to be read whole at a start, the end is checked and every seal, and what lies further back is left to the
 * scrub. Method: logs whose last file is long because the system says so, damaged in one place.
 */
import { cp, truncate } from "node:fs/promises";
import { join } from "node:path";
import { cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { asIndex } from "@annals/raft";
import { beforeAll, expect, test } from "vitest";
import { openLogStore } from "../../src/openLogStore.ts";
import { listSegments, segmentName } from "../../src/segments/segmentDirectory.ts";
import { checkBeforeServing } from "../../src/check/tailCheck.ts";
import { changeTable, exchange, flipIn, key } from "../support/changeTable.ts";
import type { Rows } from "../support/changeTable.ts";
import { temporaryDirectory } from "../support/directory.ts";
import { keptDirectory } from "../support/keptDirectory.ts";

const LARGE = 65 * 1024 * 1024;
/** Entries of the end that are looked at. */
const TAIL = 1024;
const SEAL = 20;
const LAST = SEAL + TAIL + 6;
const kept = join(keptDirectory().path, "log");

/** Two segments, of which the second one ends with more entries than a look at a tail takes. */
async function writeLog(directory: string): Promise<void> {
  const store = await openLogStore({
    directory,
    logId: 1,
    segmentBytes: 1,
    initial: { membership: SAMPLE_MEMBERSHIP },
    scanFirst: false,
  });
  for (const [from, to] of [
    [1, SEAL],
    [SEAL + 1, LAST],
  ] as const)
    await store.write(
      cycleOf({ entries: plainEntries(from, to, 1), hardState: hardState(1, 1, to) }),
    );
  expect(store.lastIndex()).toBe(asIndex(LAST));
  await store.close();
}

beforeAll(() => writeLog(kept));

async function copyOfLog(): Promise<string> {
  const directory = join(await temporaryDirectory(), "log");
  await cp(kept, directory, { recursive: true });
  return directory;
}

/** What the check says of a log in which something was changed: a code, or the names of the segments that were opened. */
async function check(
  where: "sealed" | "active" | undefined,
  table: string,
  change: (rows: Rows) => void,
  bytes: number,
): Promise<unknown> {
  const directory = await copyOfLog();
  const firsts = await listSegments(directory);
  expect(firsts).toEqual([1, SEAL + 1]);
  const first = where === "sealed" ? 1 : SEAL + 1;
  if (where !== undefined) await changeTable(join(directory, segmentName(first)), table, change);
  if (bytes > 0) await truncate(join(directory, segmentName(SEAL + 1), "data.mdb"), bytes);
  const opened: string[] = [];
  try {
    await checkBeforeServing(directory, firsts, (name) => void opened.push(name));
    return opened;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const ALL = [segmentName(SEAL + 1), segmentName(1)];
const flip = (index: number) => (rows: Rows) => flipIn(rows, key(index), 90);
const remove = (index: number) => (rows: Rows) => void rows.delete(key(index));

test.each([
  ["a sound log", undefined, "", () => undefined, ALL],
  ["the last entry", "active", "entries", flip(LAST), "ERR_ENTRY_DAMAGED"],
  ["an entry that is missing", "active", "entries", remove(LAST - 1), "ERR_ENTRY_DAMAGED"],
  ["entries in each other's place", "active", "entries", swapped, "ERR_ENTRY_DAMAGED"],
  ["the first one of the tail", "active", "entries", flip(LAST - TAIL + 1), "ERR_ENTRY_DAMAGED"],
  ["the one before", "active", "entries", flip(LAST - TAIL), ALL],
  ["the state", "active", "meta", (rows: Rows) => rows.clear(), "ERR_LOG_DAMAGED"],
  ["a term", "active", "terms", (rows: Rows) => flipIn(rows, key(SEAL + 1), 3), "ERR_LOG_DAMAGED"],
  ["the entry at the seal", "sealed", "entries", flip(SEAL), "ERR_ENTRY_DAMAGED"],
  ["the one before the seal", "sealed", "entries", flip(SEAL - 1), ALL],
] as const)("of a large log: %s", async (_what, where, table, change, told) => {
  expect(await check(where, table, change, LARGE)).toEqual(told);
});

function swapped(rows: Rows): void {
  exchange(rows, key(LAST - 2), key(LAST - 3));
}

test.each([
  ["a sound one", undefined, () => undefined, ALL],
  ["the one before the tail", "active", flip(LAST - TAIL), "ERR_ENTRY_DAMAGED"],
  ["the one before the seal", "sealed", flip(SEAL - 1), "ERR_ENTRY_DAMAGED"],
] as const)("a small log is read whole: %s", async (_what, where, change, told) => {
  expect(await check(where, "entries", change, 0)).toEqual(told);
});
