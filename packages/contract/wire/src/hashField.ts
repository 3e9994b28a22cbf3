import { HASH_BYTES } from "@annals/record";
import type { MsgpackCursor } from "./msgpackCursor.ts";

/** What stands where a chain hash is not known. */
export const NO_HASH: Uint8Array = new Uint8Array(0);

/** A chain hash, or none. A copy: it may be kept for longer than the bytes that it came with. */
export function readHash(cursor: MsgpackCursor, what: string): Uint8Array | undefined {
  const at = cursor.bin(what);
  if (at.length === 0) return undefined;
  if (at.length !== HASH_BYTES)
    throw cursor.fail("ERR_WIRE_RANGE", `${what}: ${at.length} bytes, not ${HASH_BYTES}`);
  return Uint8Array.from(at);
}
