/**
 * The value of one entry in the `entries` table, layout version 1; integers big-endian:
 * `version (u8: 1) ‖ kind (u8) ‖ term (u64) ‖ previous hash (32) ‖ hash (32) ‖ data`. The index is the key. The hash covers all of
 * it (see `chainHash`), so it finds rot, stale pages and misplaced values alike.
 */
import { createHash } from "node:crypto";
import { asTerm, TERM_MAX } from "@annals/raft";
import type { Entry, LogIndex } from "@annals/raft";
import { chainHash, equalBytes, HASH_BYTES } from "@annals/record";
import { entryKindCode, entryKindOf } from "@annals/wire";
import { entryDamaged } from "../storageError.ts";

const ENTRY_VERSION = 1;
const TERM_AT = 2;
const PREVIOUS_AT = TERM_AT + 8;
const HASH_AT = PREVIOUS_AT + HASH_BYTES;

/** Bytes that an entry takes beside its data. */
const ENTRY_HEADER_BYTES = HASH_AT + HASH_BYTES;

/** A stored entry with both ends of its link in the chain. */
export interface LinkedEntry {
  readonly entry: Entry;
  readonly previousHash: Uint8Array;
  readonly hash: Uint8Array;
}

/** The entry as the core wants it: its bytes and hashes are views of what was read. */
export function withLink({ entry, previousHash, hash }: LinkedEntry): Entry {
  const { index, term, kind, data } = entry;
  return { index, term, kind, data, link: { previousHash, hash } };
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function hashEntry(previous: Uint8Array, entry: Entry): Uint8Array {
  return chainHash(
    sha256,
    previous,
    entry.index,
    entry.term,
    entryKindCode(entry.kind),
    entry.data,
  );
}

export function encodeStoredEntry(
  entry: Entry,
  previousHash: Uint8Array,
  hash: Uint8Array,
): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(ENTRY_HEADER_BYTES + entry.data.length);
  bytes[0] = ENTRY_VERSION;
  bytes[1] = entryKindCode(entry.kind);
  bytes.writeBigUInt64BE(BigInt(entry.term), TERM_AT);
  bytes.set(previousHash, PREVIOUS_AT);
  bytes.set(hash, HASH_AT);
  bytes.set(entry.data, ENTRY_HEADER_BYTES);
  return bytes;
}

/** Checks everything and copies nothing: data and hashes are views of `bytes`. Throws `ERR_ENTRY_DAMAGED`. */
export function decodeStoredEntry(index: LogIndex, bytes: Uint8Array): LinkedEntry {
  if (bytes.length < ENTRY_HEADER_BYTES) throw entryDamaged(index, "shorter than its header");
  if (bytes[0] !== ENTRY_VERSION) throw entryDamaged(index, `layout version ${bytes[0]}`);
  const kind = entryKindOf(bytes[1] ?? -1);
  if (kind === undefined) throw entryDamaged(index, "unknown kind");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const term = Number(view.getBigUint64(TERM_AT));
  if (term > TERM_MAX) throw entryDamaged(index, "term out of range");
  const entry: Entry = {
    index,
    term: asTerm(term),
    kind,
    data: bytes.subarray(ENTRY_HEADER_BYTES),
  };
  const previousHash = bytes.subarray(PREVIOUS_AT, HASH_AT);
  const hash = bytes.subarray(HASH_AT, ENTRY_HEADER_BYTES);
  if (!equalBytes(hash, hashEntry(previousHash, entry)))
    throw entryDamaged(index, "its checksum does not match its bytes");
  return { entry, previousHash, hash };
}
