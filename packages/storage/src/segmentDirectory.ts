import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Segment } from "./segment.ts";
import type { SegmentWrite } from "./segment.ts";

const TEMPORARY = "new-";
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

/** Removes what a crash while a segment was made has left behind, and names it. */
export async function removeUnfinished(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  const unfinished = names.filter((name) => name.startsWith(TEMPORARY));
  for (const name of unfinished) await rm(join(directory, name), { recursive: true });
  return unfinished;
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
  const temporary = join(directory, TEMPORARY + name);
  await mkdir(temporary);
  await onStep?.("made");
  const segment = await Segment.create(temporary, mapBytes);
  await segment.commit(write);
  await onStep?.("written");
  await segment.close();
  await onStep?.("closed");
  await syncDirectory(temporary);
  await onStep?.("synced");
  await rename(temporary, join(directory, name));
  await onStep?.("renamed");
  await syncDirectory(directory);
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
