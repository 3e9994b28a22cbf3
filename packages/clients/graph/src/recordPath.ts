import type { StoredRecord } from "@annals/client";

/** The value at a dotted path of a record, such as `targets.0.id`; undefined if there is none. */
export function valueAt(record: StoredRecord, path: string): unknown {
  let value: unknown = record;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = Object.entries(value).find(([key]) => key === name)?.[1];
  }
  return value;
}
