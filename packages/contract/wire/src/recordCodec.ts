import { AnnalsError, EXACT_NUMBER_TYPE, ExactNumber } from "@annals/record";
import type { AuditRecord } from "@annals/record";
import { addExtension, Packr, Unpackr } from "msgpackr";
import type { Options } from "msgpackr";

addExtension({
  Class: ExactNumber,
  type: EXACT_NUMBER_TYPE,
  pack: ({ text }: ExactNumber) => Buffer.from(text, "latin1"),
  unpack: (bytes: Uint8Array) => new ExactNumber(Buffer.from(bytes).toString("latin1")),
});

// Plain msgpack: the record extension would make the bytes depend on what was packed before.
const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
// The decoder's types do not know `auto`: bigint only where a double does not hold the integer.
const options: Omit<Options, "int64AsType"> & { readonly int64AsType: "auto" } = {
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: "auto",
};
const unpackr = new Unpackr(options as unknown as Options);

/** A record as msgpack. Fields that are undefined are left out. The result is the caller's. */
export function encodeRecord(record: AuditRecord): Uint8Array {
  const fields = Object.entries(record).filter(([, value]) => value !== undefined);
  // A copy of its own size: msgpackr gives a view of a slab that many results share.
  return new Uint8Array(packr.pack(Object.fromEntries(fields)));
}

/**
 * Decodes a record that has passed the scanner once, as everything stored has: what the scanner refuses (extension types,
 * `__proto__`, depth) a general decoder would act on. Throws `ERR_RECORD_UNREADABLE`, whose text carries no payload.
 */
export function decodeRecord(bytes: Uint8Array): AuditRecord {
  try {
    return unpackr.unpack(bytes);
  } catch {
    // The decoder's own message quotes up to a hundred characters of the record: it must reach no log, not even as a cause.
    throw new AnnalsError(
      "ERR_RECORD_UNREADABLE",
      `a stored record of ${bytes.length} bytes cannot be decoded`,
    );
  }
}
