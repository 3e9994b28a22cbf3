import { crc32 } from "node:zlib";

const CRC_BYTES = 4;

/** `payload` with its CRC-32 behind it. LMDB finds no bit rot, so every small value carries its own check. */
export function sealValue(payload: Uint8Array, salt: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(payload.length + CRC_BYTES);
  bytes.set(payload);
  new DataView(bytes.buffer).setUint32(payload.length, crc32(payload, crc32(salt)));
  return bytes;
}

/** The payload, or undefined when the check fails. `salt` is the key, so that a value in a wrong place is found as well. */
export function unsealValue(bytes: Uint8Array, salt: Uint8Array): Uint8Array | undefined {
  if (bytes.length < CRC_BYTES) return undefined;
  const payload = bytes.subarray(0, bytes.length - CRC_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(payload.length) !== crc32(payload, crc32(salt))) return undefined;
  return payload;
}
