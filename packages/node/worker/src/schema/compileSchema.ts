import { createRequire } from "node:module";
import { AnnalsError } from "@annals/record";
import type * as AjvModule from "ajv/dist/2020.js";
import type { ValidateFunction } from "ajv/dist/2020.js";
import { SCHEMA_BYTES_MAX } from "@annals/system";

/** Loaded for the first schema: a worker's heap has megabytes less to itself with it, and most workers never see a schema. */
const load = createRequire(import.meta.url);

/**
 * Keywords by which a small schema could cost without bounds: references multiply and recur, patterns can backtrack for ever, uniqueness
 * compares everything with everything. Without them it costs at most the size of the schema times that of the record.
 */
const REFUSED_KEYWORDS: ReadonlySet<string> = new Set([
  "$ref",
  "$dynamicRef",
  "$recursiveRef",
  "pattern",
  "patternProperties",
  "uniqueItems",
]);
/** Their values are names or data, in which a refused keyword means nothing. */
const HOLDS_NAMES: ReadonlySet<string> = new Set(["properties", "dependentSchemas", "$defs"]);
const HOLDS_DATA: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"]);

/** Compiles a schema from outside; throws ERR_SCHEMA_INVALID, which says what is wrong where. */
export function compileSchema(text: string): ValidateFunction {
  const bytes = Buffer.byteLength(text);
  if (bytes > SCHEMA_BYTES_MAX)
    throw invalid(`${bytes} bytes, at most ${SCHEMA_BYTES_MAX} are taken`);
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (cause) {
    throw invalid("not JSON", cause);
  }
  if (typeof schema !== "object" || schema === null || Array.isArray(schema))
    throw invalid("a schema is a JSON object");
  const refused = refusedKeyword(schema, "");
  if (refused !== undefined) throw invalid(`the keyword at ${refused} is not taken`);
  const { Ajv2020 } = load("ajv/dist/2020.js") as typeof AjvModule;
  try {
    return new Ajv2020({ strict: true, strictTypes: false, validateFormats: false }).compile(
      schema,
    );
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : "does not compile", cause);
  }
}

function refusedKeyword(value: unknown, path: string, isNames = false): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const at = `${path}/${key}`;
    if (!isNames && REFUSED_KEYWORDS.has(key)) return at;
    if (!isNames && HOLDS_DATA.has(key)) continue;
    const found = refusedKeyword(inner, at, !isNames && HOLDS_NAMES.has(key));
    if (found !== undefined) return found;
  }
  return undefined;
}

function invalid(what: string, cause?: unknown): AnnalsError {
  return new AnnalsError("ERR_SCHEMA_INVALID", `the schema is not taken: ${what}`, { cause });
}
