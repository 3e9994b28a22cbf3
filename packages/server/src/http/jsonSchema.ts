/** Pieces of the JSON schemas in the OpenAPI document. */
export type Json = Readonly<Record<string, unknown>>;

export const text: Json = { type: "string" };
export const seq: Json = { type: "integer", minimum: 1 };

export function reference(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

export function object(
  properties: Json,
  required: readonly string[] = Object.keys(properties),
): Json {
  return { type: "object", properties, required };
}
