import { createHash } from "node:crypto";

/** Longer keys are replaced by their hash: indexes of graph databases refuse long ones. */
const KEY_CHARACTERS_MAX = 500;

/** One key of several parts, the same for the same parts and different for others, whatever characters they hold. */
export function keyOf(...parts: readonly string[]): string {
  return joinKeys(...parts.map((part) => part.replace(/[%|#]/g, encodeURIComponent)));
}

/** One key of several keys. A long one is the hash of itself behind its beginning. */
export function joinKeys(...keys: readonly string[]): string {
  const key = keys.join("|");
  if (key.length <= KEY_CHARACTERS_MAX) return key;
  return `${key.slice(0, 40)}#${createHash("sha256").update(key).digest("hex")}`;
}
