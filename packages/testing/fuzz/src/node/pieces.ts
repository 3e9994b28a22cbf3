import type { Random } from "@annals/kit";
import type { Conversation } from "./conversation.ts";

/** Most clients wait for an answer. */
export const ENDINGS: readonly Conversation["ending"][] = [
  "wait",
  "wait",
  "half",
  "reset",
  "close",
];

/** The bytes in a few pieces, each a write of its own. */
export function cut(bytes: Uint8Array, random: Random): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = random.chance(0.3) ? random.between(1, 40) : bytes.length;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
    if (pieces.length === 8) pieces.push(bytes.subarray(at));
    if (pieces.length > 8) break;
  }
  return pieces;
}
