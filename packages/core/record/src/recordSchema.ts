/** The record model as JSON Schema (2020-12), made from the rules that the scanner judges by. */
import { NAME_BYTES_MAX } from "./stringChecks.ts";
import { RECORD_LIMITS } from "./limits.ts";
import { RECORD_RULE } from "./recordModel.ts";
import type { Rule, StringCheck } from "./recordModel.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

const DAY =
  "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|[12][0-9]))";
const HOUR_AND_MINUTE = "(?:[01][0-9]|2[0-3]):[0-5][0-9]";

const STRINGS: Readonly<Record<StringCheck, JsonSchema>> = {
  any: { type: "string" },
  nonEmpty: { type: "string", minLength: 1 },
  name: { type: "string", minLength: 1, maxLength: NAME_BYTES_MAX },
  time: {
    type: "string",
    format: "date-time",
    maxLength: 64,
    pattern: `^[0-9]{4}-${DAY}[Tt]${HOUR_AND_MINUTE}:(?:[0-5][0-9]|60)(?:\\.[0-9]+)?(?:[Zz]|[+-]${HOUR_AND_MINUTE})$`,
  },
  outcome: { type: "string", enum: ["success", "failure", "denied", "unknown"] },
  sha256: { type: "string", pattern: "^[0-9a-f]{64}$" },
};

/**
 * A record as it is appended. Says what a schema can say: that February has 29 days in leap years only, the limits in bytes (which a name
 * in another script reaches with fewer characters), of nesting, of elements and of the digits of a number, and the reserved key `__proto__`
 * deep inside are left to the scanner.
 */
export function recordSchema(): JsonSchema {
  return schemaOf(RECORD_RULE);
}

function schemaOf(rule: Rule): JsonSchema {
  switch (rule.kind) {
    case "any":
      return {};
    case "string":
      return STRINGS[rule.check];
    case "uint":
      return { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
    case "array":
      return { type: "array", items: schemaOf(rule.of) };
    case "map":
      return mapSchema(rule);
    default:
      return rule satisfies never;
  }
}

function mapSchema({ open, fields }: Extract<Rule, { kind: "map" }>): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const { name, rule } of fields) properties[name] = schemaOf(rule);
  if ("attachments" in properties)
    properties["attachments"] = {
      ...properties["attachments"],
      maxItems: RECORD_LIMITS.maxAttachments,
    };
  const required = fields.filter((field) => field.required).map(({ name }) => name);
  return {
    type: "object",
    ...(fields.length === 0 ? {} : { properties }),
    ...(required.length === 0 ? {} : { required }),
    ...(open
      ? { propertyNames: { not: { const: "__proto__" } } }
      : { additionalProperties: false }),
  };
}
