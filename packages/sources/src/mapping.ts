import { ExactNumber, parseExactly } from "@annals/client";
import type { AuditRecord } from "@annals/client";

/** A message as brokers have it. */
export interface SourceMessage {
  readonly topic: string;
  readonly partition: number;
  /** Of the partition; rises, with gaps. */
  readonly offset: bigint;
  readonly key: Uint8Array | undefined;
  /** Undefined for a tombstone: its key was deleted. */
  readonly value: Uint8Array | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** By the broker or the producer, ms since 1970: the record's `time`. Not positive when there is none. */
  readonly timestampMs: number;
}

/**
 * Which parts of a message become which fields of its record. Texts may hold places in braces: `{key}`, `{topic}`, `{partition}`,
 * `{offset}`, `{header.name}`, and `{value.path.to.it}` within the message's JSON.
 */
export interface RecordMapping {
  readonly actor: { readonly id: string; readonly type?: string | undefined };
  readonly action: string;
  readonly targets?:
    | readonly { readonly id: string; readonly type?: string | undefined }[]
    | undefined;
  readonly tenant?: string | undefined;
  /** Path within the JSON of what becomes `data`; default: all of it. */
  readonly data?: string | undefined;
  /** The message is the state of its key: what has changed since the state before becomes `changes`, and `data` stays away. */
  readonly diff?: boolean | undefined;
}

/** Why a message has no record by the mapping. Its text holds names of fields, never what is in them. */
export class MappingError extends Error {
  override readonly name = "MappingError";
}

type Mapped = Pick<AuditRecord, "actor" | "action" | "targets" | "tenant">;

/** The action of a message that the mapping, or the log's schema, does not take. */
export const UNMAPPED_ACTION = "kafka.unmapped";
const RAW_BYTES_MAX = 64 * 1024;

/** `topic/partition/offset`: the `id` of the record, by which the source knows how far it has come. */
export function recordId({
  topic,
  partition,
  offset,
}: Pick<SourceMessage, "topic" | "partition" | "offset">): string {
  return `${topic}/${partition}/${offset}`;
}

/** The offset in the id of a record of this partition; undefined if it is none. */
export function offsetOf(
  { topic, partition }: Pick<SourceMessage, "topic" | "partition">,
  id: string | undefined,
): bigint | undefined {
  const prefix = `${topic}/${partition}/`;
  if (id?.startsWith(prefix) !== true) return undefined;
  const text = id.slice(prefix.length);
  return /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
}

/** The message's JSON; null for a tombstone. Throws a MappingError. */
export function valueOf(message: SourceMessage): unknown {
  if (message.value === undefined) return null;
  try {
    return parseExactly(new TextDecoder("utf-8", { fatal: true }).decode(message.value));
  } catch (cause) {
    throw new MappingError("the value is no JSON", { cause });
  }
}

/** Everything but `data` and `changes`. Throws a MappingError. */
export function mapMessage(message: SourceMessage, value: unknown, mapping: RecordMapping): Mapped {
  const fill = (field: string, template: string): string => filled(field, template, message, value);
  const named = (
    field: string,
    { id, type }: { readonly id: string; readonly type?: string | undefined },
  ): { readonly id: string; readonly type?: string } => ({
    id: fill(`${field}.id`, id),
    ...(type === undefined ? {} : { type: fill(`${field}.type`, type) }),
  });
  const { actor, action, targets, tenant } = mapping;
  return {
    actor: named("actor", actor),
    action: fill("action", action),
    ...(targets === undefined
      ? {}
      : { targets: targets.map((target, at) => named(`targets.${at}`, target)) }),
    ...(tenant === undefined ? {} : { tenant: fill("tenant", tenant) }),
  };
}

/** A record that says what came, so that nothing is dropped and the rest goes on. */
export function unmappedRecord(message: SourceMessage, reason: string): AuditRecord {
  const raw = message.value ?? new Uint8Array(0);
  return {
    id: recordId(message),
    actor: { id: `kafka:${message.topic}` },
    action: UNMAPPED_ACTION,
    data: {
      reason,
      base64: Buffer.from(raw.subarray(0, RAW_BYTES_MAX)).toString("base64"),
      bytes: raw.length,
    },
  };
}

/** What is at a path of names and positions; undefined if there is nothing. */
export function atPath(value: unknown, path: string): unknown {
  let found = value;
  for (const name of path.split(".")) {
    if (typeof found !== "object" || found === null || found instanceof ExactNumber)
      return undefined;
    if (!Object.hasOwn(found, name)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found;
}

function filled(field: string, template: string, message: SourceMessage, value: unknown): string {
  const text = template.replaceAll(/\{([^{}]+)\}/g, (_, place: string) => {
    const found = placeOf(place, message, value);
    const isText = typeof found === "string" || typeof found === "boolean";
    if (isText || typeof found === "number" || found instanceof ExactNumber) return String(found);
    throw new MappingError(`${field}: the message has no text at {${place}}`);
  });
  if (text === "") throw new MappingError(`${field}: is empty`);
  return text;
}

function placeOf(place: string, message: SourceMessage, value: unknown): unknown {
  switch (place) {
    case "topic":
      return message.topic;
    case "partition":
      return message.partition;
    case "offset":
      return String(message.offset);
    case "key":
      return message.key === undefined ? undefined : Buffer.from(message.key).toString("utf8");
    default:
      if (place.startsWith("value.")) return atPath(value, place.slice("value.".length));
      return place.startsWith("header.")
        ? message.headers[place.slice("header.".length)]
        : undefined;
  }
}
