import { createHash } from "node:crypto";
import type { StoredRecord } from "@annals/client";
import { isExactText } from "@annals/record";

/** SHA-256 of a record as it is read, in hex; independent of the order in which its keys come. */
export function recordHash(record: StoredRecord): string {
  return createHash("sha256").update(canonicalJson(record)).digest("hex");
}

/** SHA-256 in hex, of settings and plans. */
export function fingerprint(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

/** JSON with the keys of each object in the order of their code units. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (isExactText(inner)) return inner;
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
