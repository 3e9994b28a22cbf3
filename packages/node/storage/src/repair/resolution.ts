/** The way out of a divergence, for the copy of one log on one disk that no process has open: it is kept, or it is put aside. */
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { asIndex, asTerm, NOBODY } from "@annals/raft";
import type { HardState, MemberId } from "@annals/raft";
import type { Divergence } from "@annals/replica";
import { DAMAGED, readCheckedJson, writeCheckedJson } from "../disk/checkedJson.ts";
import { clearDivergence, readDivergence } from "./divergenceFile.ts";
import { replaceFile } from "../disk/durableFile.ts";
import { isThere, unlessMissing } from "../disk/isThere.ts";
import { readEmptied, writeEmptied } from "./emptiedFile.ts";
import type { EmptiedMark } from "./emptiedFile.ts";
import { openLogStore } from "../openLogStore.ts";
import { syncDirectory } from "../segments/segmentDirectory.ts";
import { readSidecar } from "../segments/sidecar.ts";
import { StorageError } from "../storageError.ts";

/** Where the copy of a log lies. */
export interface CopyPlace {
  /** The directory of the log: `<data>/logs/<id>`. */
  readonly directory: string;
  readonly logId: number;
  readonly segmentBytes: number;
}

/** Who decided, when, and for whom. */
export interface Decision {
  /** Of its entry in `_system`; undefined for one that was made on stopped nodes. */
  readonly index?: number | undefined;
  /** Who decided, such as the user of the operating system. */
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
 * Whether the copy in place has carried a decision of `_system` out, by its records, or one that was made on stopped nodes since. The names
 * of the records say enough, so that no damage in one of them undoes what was done. An index alone is no identity: `_system` itself may be
 * resolved, and then goes on with other entries.
 */
export async function isCarriedOut(
  directory: string,
  { index, at }: { readonly index: number; readonly at: number },
): Promise<boolean> {
  const names = await recordsIn(directory);
  const wanted = timeName(at);
  return names.some((name) => {
    const [, time = "", of] = RECORD.exec(name) ?? [];
    return of === undefined ? time >= wanted : time === wanted && Number(of) === index;
  });
}

/** Names of the records of decisions in a directory. */
async function recordsIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(unlessMissing);
  return names.filter((name) => RECORD.test(name));
}

/**
 * An emptied log that a crash has kept from the place of the copy that was put aside takes it now: with its mark it is whole, and the copy
 * is aside already. Before a log is looked for, so that it is not taken for lost.
 */
export async function placeEmptied(directory: string): Promise<void> {
  const next = `${directory}${EMPTIED}`;
  if ((await readEmptied(next)) === undefined || (await isThere(directory))) return;
  await moveTo(next, directory);
}

/**
 * This copy is the log from now on, all of it: what is in it is committed by the decision, so that no other history can replace its end.
 * The record of the decision is durable before the mark goes that kept the log still. A decision of `_system` is carried out once: the log
 * has gone on since. Resolves with false when that had been done. Rejects with ERR_COPY_EMPTIED.
 */
export async function keepCopy(place: CopyPlace, decision: Decision): Promise<boolean> {
  const { directory } = place;
  const { index, at } = decision;
  if (index !== undefined && (await isCarriedOut(directory, { index, at }))) {
    await clearRecorded(directory, decision);
    return false;
  }
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
  return true;
}

/** A crash came between the record and the mark: the mark goes if it is the one that the record names, not one that came later. */
async function clearRecorded(directory: string, decision: Decision): Promise<void> {
  const found = await readCheckedJson(recordPath(directory, decision), "resolved");
  if (found === undefined || found === DAMAGED) return;
  const { divergence } = found as { readonly divergence?: Divergence };
  const mark = await readDivergence(directory);
  if (mark !== undefined && JSON.stringify(mark) === JSON.stringify(divergence))
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
  const { index, at } = decision;
  await placeEmptied(directory);
  if (index !== undefined && (await isCarriedOut(directory, { index, at }))) return undefined;
  const next = `${directory}${EMPTIED}`;
  const here = await isThere(directory);
  const mark = here ? await readEmptied(directory) : undefined;
  const divergence = here ? await readDivergence(directory) : undefined;
  if (mark?.member === decision.kept.member && divergence === undefined) {
    if (index !== undefined) await record(directory, decision, "emptied", undefined);
    return undefined;
  }
  const hardState = here ? await promises(place) : UNBOUND;
  await rm(next, { recursive: true, force: true });
  await bearEmptied({ ...place, directory: next }, voters, hardState);
  // What was done stays done when its copy lies aside.
  for (const name of await recordsIn(directory))
    await replaceFile(join(next, name), await readFile(join(directory, name), "utf8"));
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
  await writeCheckedJson(recordPath(directory, decision), "resolved", {
    ...decision,
    copy,
    divergence,
  });
}

const RECORD = /^resolved-(\d{8}T\d{9}Z)(?:-(\d+))?\.json$/;

function recordPath(directory: string, { at, index }: Decision): string {
  return join(directory, `resolved-${timeName(at)}${index === undefined ? "" : `-${index}`}.json`);
}

async function moveTo(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(dirname(to));
}

function timeName(at: number): string {
  return new Date(at).toISOString().replaceAll(/[-:.]/g, "");
}
