import type { ExactNumber } from "./exactNumber.ts";

/**
 * The record model: what an audit record may say, told once as types for readers and once as rules for the scanner, which is
 * the only judge of msgpack and JSON alike.
 */

/** Free data: whatever both JSON and msgpack can say, and bytes. Integers beyond 2^53 are bigints. */
export type RecordValue =
  | string
  | number
  | bigint
  | ExactNumber
  | boolean
  | null
  | Uint8Array
  | readonly RecordValue[]
  | { readonly [key: string]: RecordValue };

export type RecordMap = Readonly<Record<string, RecordValue>>;

export type Outcome = "success" | "failure" | "denied" | "unknown";

/** One audit event, decoded. */
export interface AuditRecord {
  /** Who. May say more about itself than `type` and `id`. */
  readonly actor: RecordMap & { readonly id: string; readonly type?: string };
  readonly action: string;
  /** When, by the client's clock: RFC 3339. */
  readonly time?: string;
  readonly targets?: readonly (RecordMap & { readonly id: string; readonly type?: string })[];
  readonly outcome?: Outcome;
  readonly tenant?: string;
  readonly context?: RecordMap;
  readonly changes?: readonly {
    readonly path: string;
    readonly before?: RecordValue;
    readonly after?: RecordValue;
  }[];
  readonly attachments?: readonly {
    readonly sha256: string;
    readonly bytes: number;
    readonly mediaType?: string;
  }[];
  readonly data?: RecordMap;
  readonly id?: string;
}

/** What a value must be. `any` is any allowed type; an `open` map takes keys beside its fields. */
export type Rule =
  | { readonly kind: "any" }
  | { readonly kind: "string"; readonly check: StringCheck }
  | { readonly kind: "uint" }
  | { readonly kind: "array"; readonly of: Rule }
  | { readonly kind: "map"; readonly open: boolean; readonly fields: readonly FieldRule[] };

/** `name`: what a query can ask for, so no longer than a query can be. */
export type StringCheck = "any" | "nonEmpty" | "name" | "time" | "outcome" | "sha256";

export interface FieldRule {
  readonly name: string;
  /** The name in UTF-8 (it is ASCII), for comparing without decoding. */
  readonly bytes: Uint8Array;
  readonly required: boolean;
  readonly rule: Rule;
}

export const ANY: Rule = { kind: "any" };

function field(
  name: string,
  rule: Rule,
  required: "required" | "optional" = "optional",
): FieldRule {
  const bytes = Uint8Array.from(name, (character) => character.charCodeAt(0));
  return { name, bytes, required: required === "required", rule };
}

function string(check: StringCheck): Rule {
  return { kind: "string", check };
}

export type MapRule = Extract<Rule, { kind: "map" }>;

/** A map of anything. */
export const FREE_MAP: MapRule = { kind: "map", open: true, fields: [] };

const ACTOR_OR_TARGET: Rule = {
  kind: "map",
  open: true,
  fields: [field("id", string("name"), "required"), field("type", string("any"))],
};

const CHANGE: Rule = {
  kind: "map",
  open: false,
  fields: [
    field("path", string("nonEmpty"), "required"),
    field("before", ANY),
    field("after", ANY),
  ],
};

const ATTACHMENT: Rule = {
  kind: "map",
  open: false,
  fields: [
    field("sha256", string("sha256"), "required"),
    field("bytes", { kind: "uint" }, "required"),
    field("mediaType", string("nonEmpty")),
  ],
};

export const RECORD_RULE: Rule = {
  kind: "map",
  open: false,
  fields: [
    field("actor", ACTOR_OR_TARGET, "required"),
    field("action", string("name"), "required"),
    field("time", string("time")),
    field("targets", { kind: "array", of: ACTOR_OR_TARGET }),
    field("outcome", string("outcome")),
    field("tenant", string("name")),
    field("context", FREE_MAP),
    field("changes", { kind: "array", of: CHANGE }),
    field("attachments", { kind: "array", of: ATTACHMENT }),
    field("data", FREE_MAP),
    field("id", string("nonEmpty")),
  ],
};
