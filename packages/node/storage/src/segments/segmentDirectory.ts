import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskRefusal, fileFailed } from "../disk/diskRefusal.ts";
import { Segment } from "./segment.ts";
import type { SegmentWrite } from "./segment.ts";

const TEMPORARY = "new-";
const DAMAGED = ".damaged";
const SEGMENT = /^segment-(\d{16})$/;

/** A segment directory is named by the index of its first entry. Dots would make LMDB take a directory for a file. */
export function segmentName(firstIndex: number): string {
  return `segment-${String(firstIndex).padStart(16, "0")}`;
}

/** First indexes of the segments in a log directory, ascending; the last one is active. */
export async function listSegments(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  return names
    .flatMap((name) => SEGMENT.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** Where a segment is made before it gets its name; removed at the next start if it never does. */
export function temporaryPath(directory: string, what: string): string {
  return join(directory, TEMPORARY + what);
}

/** What a crash while a segment was made or rebuilt has left behind. */
export async function listUnfinished(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter((name) => name.startsWith(TEMPORARY));
}

/** Removes what a crash while a segment was made or rebuilt has left behind, and names it. */
export async function removeUnfinished(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  for (const aside of names.filter((name) => name.endsWith(DAMAGED))) {
    const name = aside.slice(0, -DAMAGED.length);
    // Between the two renames of a swap there is no segment of this name: the damaged one is still the only one.
    if (names.includes(name)) continue;
    await rename(join(directory, aside), join(directory, name));
    await syncDirectory(directory);
  }
  const unfinished = await listUnfinished(directory);
  for (const name of unfinished) {
    try {
      await rm(join(directory, name), { recursive: true });
    } catch (error) {
      // Harmless where it is: a disk that does not let it go is no reason not to read the log.
      if (diskRefusal(error, directory) === undefined) throw error;
    }
  }
  return unfinished;
}

/** The segments that were rebuilt and are kept beside their successors until a whole log was found sound. */
export async function listDamaged(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter((name) => name.endsWith(DAMAGED)).toSorted();
}

/** Removes what `swapSegment` has put aside. */
export async function removeDamaged(directory: string): Promise<void> {
  for (const name of await listDamaged(directory))
    await rm(join(directory, name), { recursive: true });
}

/** Where a crash can happen while a segment is rebuilt; tests stop at each. */
export type SwapStep = "rebuilt" | "synced" | "aside" | "renamed" | "swapped";

/**
 * Puts a finished segment in the place of a damaged one, which is kept beside it. A crash leaves one or the other: if it hits between the
 * renames, the next start takes the damaged one back.
 */
export async function swapSegment(
  directory: string,
  firstIndex: number,
  temporary: string,
  onStep?: (step: SwapStep) => Promise<void>,
): Promise<void> {
  const path = join(directory, segmentName(firstIndex));
  const aside = path + DAMAGED;
  await onStep?.("rebuilt");
  await syncDirectory(temporary);
  await onStep?.("synced");
  await rm(aside, { recursive: true, force: true });
  await rename(path, aside);
  await onStep?.("aside");
  await rename(temporary, path);
  await onStep?.("renamed");
  await syncDirectory(directory);
  await onStep?.("swapped");
}

/** Where a crash can happen while a segment is made; tests stop at each. */
export type CreateStep = "made" | "written" | "closed" | "synced" | "renamed";

/**
 * Makes a segment with its first transaction, or leaves the directory as it was: the name appears only when everything below it is
 * on disk.
 */
export async function createSegment(
  directory: string,
  firstIndex: number,
  mapBytes: number,
  write: SegmentWrite,
  onStep?: (step: CreateStep) => Promise<void>,
): Promise<void> {
  const name = segmentName(firstIndex);
  const temporary = temporaryPath(directory, name);
  // What an earlier try has left when its disk refused.
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  await onStep?.("made");
  const segment = await Segment.create(temporary, mapBytes);
  try {
    await segment.commit(write);
    await onStep?.("written");
  } finally {
    await segment.close();
  }
  await onStep?.("closed");
  await syncDirectory(temporary);
  await onStep?.("synced");
  await rename(temporary, join(directory, name));
  await onStep?.("renamed");
  await syncDirectory(directory);
}

/** Makes the names in a directory durable. Rejects with an error that has the system's as its cause. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } catch (cause) {
    throw fileFailed(path, "the names in it could not be flushed", cause);
  } finally {
    await handle.close();
  }
}
