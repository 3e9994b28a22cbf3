/**
 * A log in a process of its own, over and over, each time with another call to the system that is refused (refusalShim.c). It does what the
 * owner of a log does: it waits while the disk refuses, and opens the log again after a write that failed. Prints a line of JSON each time.
 */
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cycleOf, driveRefusals, hardState, plainEntries } from "@annals/kit";
import type { RefusalAttempt } from "@annals/kit";
import { asIndex } from "@annals/raft";
import type { LogStore, WriteCycle } from "@annals/replica";
import { fsck } from "../../src/check/fsck.ts";
import { isDiskRefusal } from "../../src/disk/diskRefusal.ts";
import { openLogStore } from "../../src/openLogStore.ts";
import { StorageError } from "../../src/storageError.ts";
import { decide, diverge, isDecisionPhase, verifyDecided } from "./decisions.ts";
import type { DecisionPhase } from "./decisions.ts";
import { BASE_ENTRIES, LOG_ID, RETRY_MS, SEGMENT_BYTES } from "./points.ts";

const APPEND = cycleOf({ entries: plainEntries(21, 22, 3), hardState: hardState(3, 2, 22) });
const VOTE = cycleOf({ hardState: hardState(4, 1, 20) });

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

async function opened(directory: string, phase: string): Promise<LogStore> {
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
async function written(
  first: LogStore,
  cycle: WriteCycle,
  reopen: () => Promise<LogStore>,
): Promise<LogStore> {
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
      store = await reopen();
      assertHolds(store, BASE_ENTRIES);
      if (isDone(store, cycle)) return store;
    }
  }
}

async function attempt(at: RefusalAttempt): Promise<void> {
  const { base, data, phase, arm, disarm } = at;
  const directory = join(data, "log");
  cpSync(base, directory, { recursive: true });
  if (isDecisionPhase(phase)) return attemptDecision(at, directory, phase);
  if (phase === "start") arm();
  const open = (): Promise<LogStore> => opened(directory, phase);
  let store = await open();
  assertHolds(store, BASE_ENTRIES);
  if (phase !== "start") arm();
  store = await written(store, phase === "vote" ? VOTE : APPEND, open);
  const last = store.lastIndex();
  disarm();
  await store.close();
  await verify(directory, last);
}

async function attemptDecision(
  { arm, disarm }: RefusalAttempt,
  directory: string,
  phase: DecisionPhase,
): Promise<void> {
  await diverge(directory);
  arm();
  await decide(directory, phase);
  disarm();
  await verifyDecided(directory, phase);
}

/** A clean start finds what was acknowledged, and nothing of it damaged or put aside. */
async function verify(directory: string, last: number): Promise<void> {
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

await driveRefusals({
  attempt,
  verify: ({ data, phase }) => {
    const directory = join(data, "log");
    return isDecisionPhase(phase)
      ? verifyDecided(directory, phase)
      : verify(directory, BASE_ENTRIES);
  },
});
