import { Packr } from "msgpackr";
import { WireError } from "./wireError.ts";

/** Elements that a layout is built of; msgpackr writes nothing but plain msgpack for them. */
export type Packable = number | string | boolean | null | Uint8Array | readonly Packable[];

const RESERVE_START_SPACE = 2048;

// Plain msgpack: without the record extension the bytes depend on nothing but the value.
const packr = new Packr({ useRecords: false });

/** `version` as one byte, then `value` as plain msgpack. The result is the caller's. */
export function packVersioned(version: number, value: Packable): Uint8Array {
  const bytes = packr.pack(value, RESERVE_START_SPACE | 1);
  bytes[0] = version;
  return bytes;
}

/** Checks the leading version byte of an untrusted layout. */
export function assertVersion(bytes: Uint8Array, version: number, layout: string): void {
  if (bytes.length < 1) throw new WireError("ERR_WIRE_TRUNCATED", `${layout} version`, 0);
  if (bytes[0] !== version)
    throw new WireError(
      "ERR_WIRE_VERSION",
      `${layout} layout ${bytes[0]}, this build reads ${version}`,
      0,
    );
}
