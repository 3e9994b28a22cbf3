/** What the descriptions of routes are made of. */
import { LOG_NAME_PATTERN } from "@annals/system";

export type Json = Readonly<Record<string, unknown>>;

export const text: Json = { type: "string" };
export const seq: Json = { type: "integer", minimum: 1 };

export function parameter(
  where: "path" | "query" | "header",
  name: string,
  schema: Json,
  description: string,
): Json {
  return { name, in: where, required: where === "path", schema, description };
}

export const LOG: Json = parameter(
  "path",
  "log",
  { type: "string", pattern: LOG_NAME_PATTERN.source },
  "Name of the log.",
);
export function json(schema: Json, description: string): Json {
  return { description, content: { "application/json": { schema } } };
}

export function reference(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

export function listOf(name: string): Json {
  return object({
    items: { type: "array", items: reference(name) },
    next: { type: ["string", "null"] },
  });
}

export function object(
  properties: Json,
  required: readonly string[] = Object.keys(properties),
): Json {
  return { type: "object", properties, required };
}

const PROBLEM: Json = {
  description: "A problem document; `code` is stable and listed in docs/errors.md.",
  content: { "application/problem+json": { schema: reference("Problem") } },
};

export function operation(id: string, summary: string, rest: Json, answers: Json): Json {
  return { operationId: id, summary, ...rest, responses: { ...answers, default: PROBLEM } };
}
