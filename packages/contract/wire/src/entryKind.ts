import type { EntryKind } from "@annals/raft";

/** The one-byte code of each entry kind on disk, on the wire and under the chain hash. Codes are never reused. */
const CODES: Readonly<Record<EntryKind, number>> = {
  noop: 0,
  records: 1,
  membership: 2,
  command: 3,
};
const KINDS: readonly EntryKind[] = ["noop", "records", "membership", "command"];

export function entryKindCode(kind: EntryKind): number {
  return CODES[kind];
}

/** Undefined for an unknown code. */
export function entryKindOf(code: number): EntryKind | undefined {
  return KINDS[code];
}
