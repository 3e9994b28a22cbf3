import type { FieldRule } from "./recordModel.ts";

/** The key that decoders rename or drop. */
export const PROTO: Pick<FieldRule, "bytes"> = {
  bytes: Uint8Array.from("__proto__", (character) => character.charCodeAt(0)),
};

/** Whether the key in [from, to) is the name of the field. */
export function isName(
  field: Pick<FieldRule, "bytes">,
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  const name = field.bytes;
  if (to - from !== name.length) return false;
  for (let k = 0; k < name.length; k++) {
    if (bytes[from + k] !== name[k]) return false;
  }
  return true;
}
