import { laneOf } from "@annals/record";
import type { LaneKey, LaneShare } from "@annals/record";
import { actionPattern, matchesAction } from "./actionPattern.ts";
import type { ActionPattern } from "./actionPattern.ts";
import type { ReadQuery } from "./readQuery.ts";
import type { RecordCodec } from "./recordSource.ts";

type PlainRecord = Readonly<Record<string, unknown>>;

/** The part of a query that looks into records. */
export type FilterFields = Pick<ReadQuery, "actor" | "action" | "target" | "tenant" | "lane">;

/** Decides about one record after the other; decodes only those that may match. */
export class RecordFilter {
  readonly #fields: FilterFields;
  readonly #codec: RecordCodec;
  readonly #action: ActionPattern | undefined;
  /** Texts without which no record can match. */
  readonly #needles: readonly Uint8Array[];

  constructor(fields: FilterFields, codec: RecordCodec) {
    this.#fields = fields;
    this.#codec = codec;
    this.#action = fields.action === undefined ? undefined : actionPattern(fields.action);
    const encoder = new TextEncoder();
    const { actor, target, tenant } = fields;
    this.#needles = [actor, this.#action?.text, target, tenant].flatMap((text) =>
      text === undefined ? [] : [encoder.encode(text)],
    );
  }

  /** Whether every record matches. */
  get isOpen(): boolean {
    return this.#needles.length === 0 && this.#fields.lane === undefined;
  }

  /** Whether the record matches; without being decoded where every record does. */
  passes(bytes: Uint8Array): boolean {
    return this.isOpen || this.#matches(bytes);
  }

  #matches(bytes: Uint8Array): boolean {
    for (const needle of this.#needles) {
      if (!this.#codec.mayHold(bytes, needle)) return false;
    }
    const record = this.#codec.decode(bytes);
    if (this.#action !== undefined && !matchesAction(record["action"], this.#action)) return false;
    return matches(record, this.#fields);
  }
}

/** Whether a decoded record has everything that is asked for beside the action. */
function matches(record: PlainRecord, fields: FilterFields): boolean {
  if (fields.actor !== undefined && fieldOf(record["actor"], "id") !== fields.actor) return false;
  if (fields.tenant !== undefined && record["tenant"] !== fields.tenant) return false;
  if (fields.target !== undefined && !hasTarget(record["targets"], fields.target)) return false;
  return fields.lane === undefined || isOfLane(record, fields.lane);
}

function hasTarget(targets: unknown, wanted: string): boolean {
  return Array.isArray(targets) && targets.some((target) => fieldOf(target, "id") === wanted);
}

function isOfLane(record: PlainRecord, { index, of, key }: LaneShare): boolean {
  const value = laneKeyOf(record, key);
  return laneOf(typeof value === "string" ? value : undefined, of) === index;
}

function laneKeyOf(record: PlainRecord, key: LaneKey): unknown {
  switch (key) {
    case "actor":
      return fieldOf(record["actor"], "id");
    case "target": {
      const targets = record["targets"];
      return Array.isArray(targets) ? fieldOf(targets[0], "id") : undefined;
    }
    case "tenant":
      return record["tenant"];
    default:
      return key satisfies never;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
