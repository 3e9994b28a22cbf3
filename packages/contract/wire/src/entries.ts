/** Consecutive entries as one flat array of `kind, term, data` for each; indexes follow from the one before the first. */
import { asIndex, asTerm, INDEX_MAX, TERM_MAX } from "@annals/raft";
import type { Entry, EntryKind, LogIndex } from "@annals/raft";
import { entryKindCode, entryKindOf } from "./entryKind.ts";
import type { MsgpackCursor } from "./msgpackCursor.ts";
import type { Packable } from "./pack.ts";

/** Entries of one page: beyond any cap that a configuration may set. */
export const ENTRIES_MAX = 65_536;

/**
 * Entries of one AppendEntries. What Raft sends as one message with more travels as several, so that a receiver can pause between them
 * whatever the sender's configuration says.
 */
export const APPEND_ENTRIES_MAX = 64;

export function packEntries(
  entries: readonly Entry[],
  prevLogIndex: LogIndex,
): readonly Packable[] {
  const packed: Packable[] = [];
  let index: number = prevLogIndex;
  for (const entry of entries) {
    index += 1;
    if (entry.index !== index)
      throw new RangeError(`entry ${entry.index} where ${index} follows prevLogIndex`);
    packed.push(entryKindCode(entry.kind), entry.term, entry.data);
  }
  return packed;
}

export function readEntries(
  cursor: MsgpackCursor,
  prevLogIndex: LogIndex,
  max: number,
): readonly Entry[] {
  const elements = cursor.array("entries", 3 * max);
  if (elements % 3 !== 0) throw cursor.fail("ERR_WIRE_COUNT", "entries are no triples");
  const entries: Entry[] = [];
  for (let k = 1; k <= elements / 3; k++) {
    const kind = readEntryKind(cursor);
    const term = asTerm(cursor.uint("entry term", TERM_MAX));
    const index = prevLogIndex + k;
    if (index > INDEX_MAX) throw cursor.fail("ERR_WIRE_RANGE", "entry index");
    entries.push({ index: asIndex(index), term, kind, data: cursor.bin("entry data") });
  }
  return entries;
}

export function readEntryKind(cursor: MsgpackCursor): EntryKind {
  const kind = entryKindOf(cursor.uint("entry kind", 255));
  if (kind === undefined) throw cursor.fail("ERR_WIRE_KIND", "unknown entry kind");
  return kind;
}
