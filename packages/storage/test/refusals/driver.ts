/**
 * A log in a process of its own, over and over, each time with another call to the system that is refused (refusalShim.c). It does what the
 * owner of a log does: it waits while the disk refuses, and opens the log again after a write that failed. Prints a line of JSON each time.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { asIndex } from "@annals/raft";
import type { LogStore, WriteCycle } from "@annals/replica";
import { fsck, isDiskRefusal, openLogStore, StorageError } from "@annals/storage";
import { cycleOf, hardState, plainEntries } from "@annals/testkit";
import { BASE_ENTRIES, LOG_ID, pathsOf, SEGMENT_BYTES } from "./points.ts";
import type { Outcome } from "./points.ts";

const [root = "", phase = "", errno = "", from = "", to = ""] = process.argv.slice(2);
const { base, data, control, hit } = pathsOf(root);
const directory = join(data, "log");
const RETRY_MS = 5;

const APPEND = cycleOf({ entries: plainEntries(21, 22, 3), hardState: hardState(3, 2, 22) });
const VOTE = cycleOf({ hardState: hardState(4, 1, 20) });

function arm(n: number): void {
  const number = Object.entries(constants.errno).find(([name]) => name === errno)?.[1];
  if (number === undefined) throw new Error(`no errno ${errno}`);
  writeFileSync(control, `${n} ${number}`);
}

function assertHolds(store: LogStore, last: number): void {
  for (let index = 1; index <= last; index++) {
    const found = store.storedEntry(asIndex(index))?.entry;
    const [wanted] = plainEntries(index, index, 3);
    if (
      found === undefined ||
      wanted === undefined ||
      Buffer.compare(found.data, wanted.data) !== 0
    )
      throw new Error(`entry ${index} is not what was acknowledged`);
  }
}

async function opened(): Promise<LogStore> {
  const segmentBytes = phase === "roll" ? 1 : SEGMENT_BYTES;
  const scanFirst = phase === "start";
  for (;;) {
    try {
      return await openLogStore({
        directory,
        logId: LOG_ID,
        segmentBytes,
        scanFirst,
        minFreeBytes: 0,
      });
    } catch (error) {
      if (!isDiskRefusal(error)) throw error;
      await delay(RETRY_MS);
    }
  }
}

function isDone(store: LogStore, { entries, hardState: wanted }: WriteCycle): boolean {
  const last = entries.at(-1)?.index ?? 0;
  return store.lastIndex() >= last && store.initialState().hardState.term === wanted?.term;
}

/** Writes until it is written, as a replica does. Resolves with the store, which may be another one then. */
async function written(first: LogStore, cycle: WriteCycle): Promise<LogStore> {
  let store = first;
  for (;;) {
    try {
      await store.write(cycle);
      return store;
    } catch (error) {
      if (isDiskRefusal(error)) {
        assertHolds(store, BASE_ENTRIES);
        await delay(RETRY_MS);
        continue;
      }
      if (!(error instanceof StorageError) || error.code !== "ERR_STORAGE_FAILED") throw error;
      await store.close();
      store = await opened();
      assertHolds(store, BASE_ENTRIES);
      if (isDone(store, cycle)) return store;
    }
  }
}

async function run(n: number): Promise<number> {
  if (phase === "start") arm(n);
  let store = await opened();
  assertHolds(store, BASE_ENTRIES);
  if (phase !== "start") arm(n);
  store = await written(store, phase === "vote" ? VOTE : APPEND);
  const last = store.lastIndex();
  rmSync(control, { force: true });
  await store.close();
  return last;
}

/** A clean start finds what was acknowledged, and nothing of it damaged or put aside. */
async function verify(last: number): Promise<void> {
  const odd = readdirSync(directory).filter(
    (name) => name !== "sidecar" && !/^segment-\d+$/.test(name),
  );
  const left = odd.filter((name) => !name.startsWith("new-"));
  if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
  const found = (await fsck(directory, { isolate: false })).problems;
  const problems = found.filter(({ kind }) => kind !== "leftover");
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const store = await openLogStore({
    directory,
    logId: LOG_ID,
    segmentBytes: SEGMENT_BYTES,
    scanFirst: false,
    minFreeBytes: 0,
  });
  if (store.lastIndex() < last)
    throw new Error(`the log ends at ${store.lastIndex()}, not ${last}`);
  assertHolds(store, last);
  await store.close();
}

async function attempt(n: number): Promise<Outcome> {
  for (const path of [data, control, hit]) rmSync(path, { recursive: true, force: true });
  cpSync(base, directory, { recursive: true });
  let problem: string | undefined;
  try {
    await verify(await run(n));
  } catch (error) {
    problem = String(error);
  }
  return { n, hit: existsSync(hit) ? readFileSync(hit, "utf8") : undefined, problem };
}

if (phase === "verify") await verify(BASE_ENTRIES);
else {
  for (let n = Number(from); n <= Number(to); n++) {
    const outcome = await attempt(n);
    console.log(JSON.stringify(outcome));
    if (outcome.hit === undefined) break;
  }
}
