import type { AuditRecord } from "@annals/client";
import { atPath, mapMessage, MappingError, recordId, unmappedRecord, valueOf } from "./mapping.ts";
import type { RecordMapping, SourceMessage } from "./mapping.ts";
import { changesBetween } from "./stateCache.ts";
import type { StateCache } from "./stateCache.ts";

/** The one record of a message. What the mapping does not take is recorded as such. */
export function recordOf(
  message: SourceMessage,
  mapping: RecordMapping,
  states: StateCache,
): AuditRecord {
  try {
    const value = valueOf(message);
    const mapped = mapMessage(message, value, mapping);
    const body = mapping.data === undefined ? value : atPath(value, mapping.data);
    const { timestampMs } = message;
    const time = timestampMs > 0 ? { time: new Date(timestampMs).toISOString() } : {};
    const content = contentOf(message, body, mapping, states);
    return { id: recordId(message), ...mapped, ...time, ...content };
  } catch (error) {
    if (error instanceof MappingError) return unmappedRecord(message, error.message);
    throw error;
  }
}

function contentOf(
  message: SourceMessage,
  body: unknown,
  { diff }: RecordMapping,
  states: StateCache,
): Pick<AuditRecord, "data" | "changes"> {
  if (diff !== true || message.key === undefined) return whole(body);
  const key = `${message.topic} ${Buffer.from(message.key).toString("base64")}`;
  const known = states.get(key);
  states.set(key, body, message.value?.length ?? 0);
  if (known === undefined) return whole(body);
  const changes = changesBetween(known.state, body);
  return changes.length === 0 ? {} : { changes };
}

/** `data` is an object. */
function whole(body: unknown): Pick<AuditRecord, "data"> {
  if (typeof body === "object" && body !== null && !Array.isArray(body))
    return { data: { ...body } };
  return body === undefined ? {} : { data: { value: body } };
}
