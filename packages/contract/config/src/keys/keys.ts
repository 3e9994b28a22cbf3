import { z } from "zod";
import type { KeySpec } from "./keySpec.ts";
import { DECLARATIONS } from "./kinds.ts";
import { SETTINGS } from "./nodeConfig.ts";

type Named = readonly [path: string, schema: z.core.$ZodType];

/** The schema of every value, by dotted path. */
function valuesIn(section: z.ZodObject, prefix: string): readonly Named[] {
  return Object.entries(section.shape).flatMap(([name, schema]): readonly Named[] =>
    schema instanceof z.ZodObject
      ? valuesIn(schema, `${prefix}${name}.`)
      : [[`${prefix}${name}`, schema]],
  );
}

const SCHEMAS: ReadonlyMap<string, z.core.$ZodType> = new Map(valuesIn(SETTINGS, ""));

/** Every key, in the order in which documents list them. All numbers are refused below 1: a cap of 0 would stop the flow for good. */
export const KEYS: readonly KeySpec[] = [...SCHEMAS].map(([path, schema]) => {
  const declaration = DECLARATIONS.get(schema);
  if (declaration === undefined) throw new TypeError(`${path} is not declared as a key`);
  return { path, ...declaration };
});

const BY_PATH: ReadonlyMap<string, KeySpec> = new Map(KEYS.map((spec) => [spec.path, spec]));

export function findKey(path: string): KeySpec | undefined {
  return BY_PATH.get(path);
}

/** Every proper prefix of a key: the sections of the file. */
export const SECTIONS: ReadonlySet<string> = new Set(
  KEYS.flatMap((spec) => {
    const parts = spec.path.split(".");
    return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("."));
  }),
);

/** The value in YAML form that holds when nobody sets the key; undefined if it must be set. */
export function standardValue({ standard }: KeySpec): unknown {
  return typeof standard === "function" ? standard() : standard;
}

/** A resolved value in YAML form: the inverse of `parseValue`. */
export function writtenValue({ kind }: KeySpec, value: unknown): unknown {
  if (kind === "bytes") return `${String(value)}B`;
  return kind === "duration" ? `${String(value)}ms` : value;
}

/** Reads a value in YAML form. */
export function parseValue({ path }: KeySpec, value: unknown): z.ZodSafeParseResult<unknown> {
  const schema = SCHEMAS.get(path);
  if (schema === undefined) throw new TypeError(`${path} is no key`);
  return z.safeParse(schema, value);
}
