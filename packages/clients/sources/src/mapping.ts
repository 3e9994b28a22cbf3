import { ExactNumber, parseExactly } from "@annals/client";
import type { AuditRecord } from "@annals/client";

/** A message, or a row of a table. */
export interface SourceItem {
  /** Records of what does not fit have the action `KIND.unmapped`. */
  readonly kind: "kafka" | "postgres";
  /** Topic or table. */
  readonly origin: string;
  /** The `id` of its record, by which the source knows how far it has come. */
  readonly id: string;
  readonly key: Buffer | undefined;
  /** JSON; undefined for what was deleted. */
  readonly value: Buffer | undefined;
  /** ms since 1970: the record's `time`. Not positive when there is none. */
  readonly timestampMs: number;
  /** What it has beside key and value, by name. */
  readonly place: (name: string) => unknown;
}

/**
 * Which parts of a message become which fields of its record. Texts may hold places in braces: `{key}`, `{topic}`, `{partition}`,
 * `{offset}`, `{header.name}` of a message, `{table}` of a row, and `{value.path.to.it}` within the JSON.
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

const RAW_BYTES_MAX = 64 * 1024;

/** The action of a record of what the mapping, or the log's schema, does not take. */
export function unmappedAction({ kind }: Pick<SourceItem, "kind">): string {
  return `${kind}.unmapped`;
}

/** The message's JSON; null for a tombstone. Throws a MappingError. */
export function valueOf(message: SourceItem): unknown {
  if (message.value === undefined) return null;
  try {
    return parseExactly(new TextDecoder("utf-8", { fatal: true }).decode(message.value));
  } catch (cause) {
    throw new MappingError("the value is no JSON", { cause });
  }
}

/** Everything but `data` and `changes`. Throws a MappingError. */
export function mapMessage(message: SourceItem, value: unknown, mapping: RecordMapping): Mapped {
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
export function unmappedRecord(message: SourceItem, reason: string): AuditRecord {
  const raw = message.value ?? new Uint8Array(0);
  return {
    id: message.id,
    actor: { id: `${message.kind}:${message.origin}` },
    action: unmappedAction(message),
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

function filled(field: string, template: string, message: SourceItem, value: unknown): string {
  const text = template.replaceAll(/\{([^{}]+)\}/g, (_, place: string) => {
    const found = placeOf(place, message, value);
    const isText = typeof found === "string" || typeof found === "boolean";
    if (isText || typeof found === "number" || found instanceof ExactNumber) return String(found);
    throw new MappingError(`${field}: the message has no text at {${place}}`);
  });
  if (text === "") throw new MappingError(`${field}: is empty`);
  return text;
}

function placeOf(place: string, message: SourceItem, value: unknown): unknown {
  if (place === "key") return message.key?.toString("utf8");
  if (place.startsWith("value.")) return atPath(value, place.slice("value.".length));
  return message.place(place);
}
