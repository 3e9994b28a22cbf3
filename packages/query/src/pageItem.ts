import type { PageItem } from "./page.ts";
import type { ReadFormat } from "./readQuery.ts";
import type { RecordFilter } from "./recordFilter.ts";
import { recordJson } from "./recordJson.ts";
import type { RecordCodec } from "./recordSource.ts";

/** Makes an item of a stored record; undefined if it does not match. */
type ItemOf = (seq: number, recordedAt: number, bytes: Uint8Array) => PageItem | undefined;

/** How records become items of a page of that format. Only JSON, or a filter, has them decoded. */
export function pageItems(format: ReadFormat, filter: RecordFilter, codec: RecordCodec): ItemOf {
  const matches = (bytes: Uint8Array): boolean =>
    filter.isOpen || filter.match(bytes) !== undefined;
  switch (format) {
    case "json":
    case "ndjson":
    case "record":
      return (seq, recordedAt, bytes) => {
        const record = filter.match(bytes);
        return record === undefined ? undefined : recordJson(seq, recordedAt, record);
      };
    case "msgpack": {
      // Most records have the time of the one before: they came in one batch.
      let known = Number.NaN;
      let time = "";
      return (seq, recordedAt, bytes) => {
        if (!matches(bytes)) return undefined;
        if (recordedAt !== known) time = new Date(recordedAt).toISOString();
        known = recordedAt;
        return codec.placed(seq, time, bytes);
      };
    }
    case "none":
      return (_seq, _recordedAt, bytes) => (matches(bytes) ? "" : undefined);
    default:
      return format satisfies never;
  }
}
