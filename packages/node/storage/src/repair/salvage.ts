/** Takes what is intact out of a damaged segment. Runs in a process of its own, which reading may end by a signal at any moment. */
import { join } from "node:path";
import type { GroupId, GroupState, ProducerState } from "@annals/replica";
import type { DiskFloor } from "../disk/diskFloor.ts";
import { Segment } from "../segments/segment.ts";
import type { EntryRow } from "../segments/segment.ts";
import { segmentName } from "../segments/segmentDirectory.ts";
import { integerKey } from "../segments/segmentRows.ts";
import { intactEntry } from "../check/segmentScan.ts";
import { decodeGroup, encodeGroup } from "../segments/groupValue.ts";
import { decodeProducer, encodeProducer, producerKey } from "../segments/producerValue.ts";
import { encodeStoredEntry } from "../segments/storedEntry.ts";

/** What is written at once: bounds memory, and what a signal can take away. */
const GROUP_BYTES = 1024 * 1024;
const GROUP_ENTRIES = 256;

/** What the applied entries add up to. */
export interface Derived {
  readonly producers: ReadonlyMap<string, ProducerState>;
  readonly groups: ReadonlyMap<GroupId, GroupState>;
}

/** The same as it crosses a pipe: keys and values in hexadecimal. */
export interface DerivedJson {
  readonly producers: readonly (readonly [key: string, value: string])[];
  readonly groups: readonly (readonly [key: string, value: string])[];
}

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

/** The producers and groups of a segment; rejects when one of them is damaged. */
export async function salvageDerived(directory: string, first: number): Promise<DerivedJson> {
  const source = Segment.open(join(directory, segmentName(first)), "readOnly", 0);
  try {
    return {
      producers: [...source.producers()].map(([id, state]) => {
        const key = producerKey(id);
        return [toHex(key), toHex(encodeProducer(key, state))];
      }),
      groups: [...source.groups()].map(([id, state]) => {
        const key = integerKey(id);
        return [toHex(key), toHex(encodeGroup(key, state))];
      }),
    };
  } finally {
    await source.close();
  }
}

/** What came through the pipe. */
export function derivedOf(json: DerivedJson): Derived {
  const producers = new Map<string, ProducerState>();
  for (const [key, value] of json.producers) {
    const state = decodeProducer(fromHex(key), fromHex(value));
    if (state !== undefined) producers.set(fromHex(key).toString("utf8"), state);
  }
  const groups = new Map<GroupId, GroupState>();
  for (const [key, value] of json.groups) {
    const state = decodeGroup(fromHex(key), fromHex(value));
    if (state !== undefined) groups.set(state.id, state);
  }
  return { producers, groups };
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function fromHex(text: string): Buffer {
  return Buffer.from(text, "hex");
}
