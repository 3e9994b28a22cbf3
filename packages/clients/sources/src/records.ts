import type { AuditRecord } from "@annals/client";
import {
  atPath,
  mapMessage,
  MappingError,
  unmappedAction,
  unmappedRecord,
  valueOf,
} from "./mapping.ts";
import type { RecordMapping, SourceItem } from "./mapping.ts";
import type { PartItem } from "./partOwner.ts";
import { changesBetween, isMap } from "./stateCache.ts";
import type { StateCache } from "./stateCache.ts";

/** The one record of a message. What the mapping does not take is recorded as such. */
export function recordOf(
  message: SourceItem,
  mapping: RecordMapping,
  states: StateCache,
): AuditRecord {
  try {
    const value = valueOf(message);
    const mapped = mapMessage(message, value, mapping);
    const body = mapping.data === undefined ? value : atPath(value, mapping.data);
    const time = timeOf(message);
    const content = contentOf(message, body, mapping, states);
    return {
      id: message.id,
      ...mapped,
      ...(time === undefined ? {} : { time }),
      ...content,
    };
  } catch (error) {
    if (error instanceof MappingError) return unmappedRecord(message, error.message);
    throw error;
  }
}

/** What is appended of it, at a position of its part. */
export function partItem(
  item: SourceItem,
  position: string,
  mapping: RecordMapping,
  states: StateCache,
): PartItem {
  const record = recordOf(item, mapping, states);
  const isUnmapped = record.action === unmappedAction(item);
  return { record, position, isUnmapped, refused: (code) => unmappedRecord(item, code) };
}

function contentOf(
  message: SourceItem,
  body: unknown,
  { diff }: RecordMapping,
  states: StateCache,
): Pick<AuditRecord, "data" | "changes"> {
  if (diff !== true || message.key === undefined) return whole(body);
  const key = `${message.origin} ${message.key.toString("base64")}`;
  const known = states.get(key);
  states.set(key, body, message.value?.length ?? 0);
  if (known === undefined) return whole(body);
  const changes = changesBetween(known.state, body);
  return changes.length === 0 ? {} : { changes };
}

/** The greatest time that RFC 3339 can write: the end of the year 9999. */
const TIME_MAX_MS = Date.UTC(10_000, 0) - 1;

/** Brokers count in milliseconds; a producer that counts in another unit is told by the year that comes out. */
function timeOf({ timestampMs }: SourceItem): string | undefined {
  if (!(timestampMs > 0)) return undefined;
  if (timestampMs > TIME_MAX_MS)
    throw new MappingError("timestamp: is beyond the year 9999 in milliseconds");
  return new Date(timestampMs).toISOString();
}

/** `data` is an object. */
function whole(body: unknown): Pick<AuditRecord, "data"> {
  if (isMap(body)) return { data: { ...body } };
  return body === undefined ? {} : { data: { value: body } };
}
