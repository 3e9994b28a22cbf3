/** The way out of a divergence, for the copy of one log on one disk that no process has open: it is kept, or it is put aside. */
import { readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { asIndex, asTerm, NOBODY } from "@annals/raft";
import type { HardState, MemberId } from "@annals/raft";
import type { Divergence } from "@annals/replica";
import { writeCheckedJson } from "./checkedJson.ts";
import { clearDivergence, readDivergence } from "./divergenceFile.ts";
import { isThere, unlessMissing } from "./isThere.ts";
import { readEmptied, writeEmptied } from "./emptiedFile.ts";
import type { EmptiedMark } from "./emptiedFile.ts";
import { openLogStore } from "./openLogStore.ts";
import { syncDirectory } from "./segmentDirectory.ts";
import { readSidecar } from "./sidecar.ts";
import { StorageError } from "./storageError.ts";

/** Where the copy of a log lies. */
export interface CopyPlace {
  /** The directory of the log: `<data>/logs/<id>`. */
  readonly directory: string;
  readonly logId: number;
  readonly segmentBytes: number;
}

/** Who decided, when, and for whom. */
export interface Decision {
  /** The user of the operating system. */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kept: EmptiedMark;
}

const ASIDE = ".aside-";
const EMPTIED = ".emptied";

/** Whether an entry of `<data>/logs` is a copy that was put aside: it is kept for people, and no node opens it. */
export function isAside(name: string): boolean {
  return name.includes(ASIDE);
}

/** Whether an entry of `<data>/logs` is an emptied log that a crash has kept from taking its place. */
export function isUnplaced(name: string): boolean {
  return name.endsWith(EMPTIED);
}

/** Names of the copies of a log that were put aside. */
export async function listAside(directory: string): Promise<readonly string[]> {
  const prefix = `${directory.slice(dirname(directory).length + 1)}${ASIDE}`;
  const names = await readdir(dirname(directory)).catch(unlessMissing);
  return names.filter((name) => name.startsWith(prefix)).toSorted();
}

/**
 * This copy is the log from now on, all of it: what is in it is committed by the decision, so that no other history can replace its end.
 * The record of the decision is durable before the mark goes that kept the log still. Rejects with ERR_COPY_EMPTIED.
 */
export async function keepCopy(place: CopyPlace, decision: Decision): Promise<void> {
  const { directory } = place;
  if ((await readEmptied(directory)) !== undefined)
    throw new StorageError(
      "ERR_COPY_EMPTIED",
      `${directory} holds no copy that could be kept: it was emptied before, and has not caught up`,
      { details: { directory } },
    );
  const store = await openLogStore(place);
  try {
    const { hardState } = store.initialState();
    const last = store.lastIndex();
    if (hardState.commitIndex < last)
      await store.write({
        entries: [],
        hardState: { ...hardState, commitIndex: last },
        applied: undefined,
      });
  } finally {
    await store.close();
  }
  await record(directory, decision, "kept", await readDivergence(directory));
  await clearDivergence(directory);
}

/**
 * This copy is given up: it is moved to `<id>.aside-<time>`, and an emptied log takes its place, which remembers the term and the vote and
 * waits for the kept copy. Resolves with the path of what was put aside; undefined when there was nothing, or it was done before. A crash
 * leaves the old copy in place, or nothing, or the emptied log; then this goes on when it is called again.
 */
export async function emptyCopy(
  place: CopyPlace,
  voters: readonly MemberId[],
  decision: Decision,
): Promise<string | undefined> {
  const { directory } = place;
  const next = `${directory}${EMPTIED}`;
  const here = await isThere(directory);
  if (!here && (await readEmptied(next).catch(nothing)) !== undefined) {
    await moveTo(next, directory);
    return undefined;
  }
  const mark = here ? await readEmptied(directory) : undefined;
  const divergence = here ? await readDivergence(directory) : undefined;
  if (mark?.member === decision.kept.member && divergence === undefined) return undefined;
  const hardState = here ? await promises(place) : UNBOUND;
  await rm(next, { recursive: true, force: true });
  await bearEmptied({ ...place, directory: next }, voters, hardState);
  await record(next, decision, "emptied", divergence);
  // Last: with the mark in it the new directory is whole.
  await writeEmptied(next, decision.kept);
  const aside = `${directory}${ASIDE}${timeName(decision.at)}`;
  if (here) await moveTo(directory, aside);
  await moveTo(next, directory);
  return here ? aside : undefined;
}

const UNBOUND: Pick<HardState, "term" | "votedFor"> = { term: asTerm(0), votedFor: NOBODY };

/** Term and vote as the copy has them; of one that cannot be opened, as the sidecar has them. */
async function promises(place: CopyPlace): Promise<Pick<HardState, "term" | "votedFor">> {
  try {
    const store = await openLogStore(place);
    try {
      return store.initialState().hardState;
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const slot = await readSidecar(place.directory);
    return typeof slot === "string" ? UNBOUND : slot.attested;
  }
}

async function bearEmptied(
  place: CopyPlace,
  voters: readonly MemberId[],
  { term, votedFor }: Pick<HardState, "term" | "votedFor">,
): Promise<void> {
  const membership = {
    voters,
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  const store = await openLogStore({ ...place, initial: { membership } });
  try {
    const hardState = { term, votedFor, commitIndex: asIndex(0) };
    if (term > 0) await store.write({ entries: [], hardState, applied: undefined });
  } finally {
    await store.close();
  }
}

/** One file a decision: they are few, and each stays with the copy that it made. */
async function record(
  directory: string,
  decision: Decision,
  copy: "kept" | "emptied",
  divergence: Divergence | undefined,
): Promise<void> {
  const path = join(directory, `resolved-${timeName(decision.at)}.json`);
  await writeCheckedJson(path, "resolved", { ...decision, copy, divergence });
}

async function moveTo(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(dirname(to));
}

function timeName(at: number): string {
  return new Date(at).toISOString().replaceAll(/[-:.]/g, "");
}

function nothing(): undefined {
  return undefined;
}
