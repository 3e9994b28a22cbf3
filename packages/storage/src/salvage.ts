/** Takes what is intact out of a damaged segment. Runs in a process of its own, which reading may end by a signal at any moment. */
import { join } from "node:path";
import type { DiskFloor } from "./diskFloor.ts";
import { Segment } from "./segment.ts";
import type { EntryRow } from "./segment.ts";
import { segmentName } from "./segmentDirectory.ts";
import { intactEntry } from "./segmentScan.ts";
import { encodeProducer, producerKey } from "./producerValue.ts";
import { encodeStoredEntry } from "./storedEntry.ts";

/** What is written at once: bounds memory, and what a signal can take away. */
const GROUP_BYTES = 1024 * 1024;
const GROUP_ENTRIES = 256;

/** Producers as they cross a pipe: id to value in hexadecimal. */
export type ProducersJson = Readonly<Record<string, string>>;

/**
 * Copies every entry of [first, last] that is what its own checksum says into `target`, a segment that was made for it. Damaged ones are
 * passed over. Resolves with the number of copied entries; each group of them is durable when the next one begins. Rejects with
 * ERR_DISK_FULL.
 */
export async function salvageEntries(
  directory: string,
  first: number,
  last: number,
  target: string,
  floor: DiskFloor,
): Promise<number> {
  const source = Segment.open(join(directory, segmentName(first)), "readOnly", 0);
  const copy = Segment.open(target, "readWrite", 0);
  try {
    return await copyIntact(source, copy, first, last, floor);
  } finally {
    await copy.close();
    await source.close();
  }
}

async function copyIntact(
  source: Segment,
  copy: Segment,
  first: number,
  last: number,
  floor: DiskFloor,
): Promise<number> {
  let group: EntryRow[] = [];
  let bytes = 0;
  let copied = 0;
  for (let index = first; index <= last; index++) {
    const linked = intactEntry(source, index);
    if (linked !== undefined) {
      const value = encodeStoredEntry(linked.entry, linked.previousHash, linked.hash);
      group.push({ index: linked.entry.index, value });
      bytes += value.length;
      copied += 1;
    }
    if (bytes < GROUP_BYTES && group.length < GROUP_ENTRIES && index < last) continue;
    floor.take(bytes);
    await copy.putEntries(group);
    group = [];
    bytes = 0;
  }
  return copied;
}

/** Every producer of a segment; rejects when one of them is damaged. */
export async function salvageProducers(directory: string, first: number): Promise<ProducersJson> {
  const source = Segment.open(join(directory, segmentName(first)), "readOnly", 0);
  const found: Record<string, string> = {};
  for (const [id, state] of source.producers())
    found[id] = Buffer.from(encodeProducer(producerKey(id), state)).toString("hex");
  await source.close();
  return found;
}
