import type { Entry } from "./types.ts";

/** What an entry costs beyond its payload, for the caps: an empty entry is not free. */
const ENTRY_OVERHEAD_BYTES = 16;

/** The size by which the byte caps of messages and of applying count an entry. */
export function entryBytes(entry: Entry): number {
  return entry.data.byteLength + ENTRY_OVERHEAD_BYTES;
}

export function entriesBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}

/** Payload only: what admission and the in-flight window count. Empty entries are free, so a new leader can always begin its term. */
export function payloadBytes(entries: readonly { readonly data: Uint8Array }[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.byteLength;
  return bytes;
}

/** The longest prefix within both caps, but at least one entry if there is any. The same array if all fit. */
export function limitEntries(
  entries: readonly Entry[],
  maxBytes: number,
  maxEntries: number,
): readonly Entry[] {
  let bytes = 0;
  for (let i = 0; i < entries.length; i += 1) {
    const entry = entries[i];
    if (entry === undefined) break;
    bytes += entryBytes(entry);
    if (i > 0 && (bytes > maxBytes || i >= maxEntries)) return entries.slice(0, i);
  }
  return entries;
}
