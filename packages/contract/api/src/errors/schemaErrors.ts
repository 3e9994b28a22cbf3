import { entry } from "./errorEntry.ts";
import type { ErrorEntry } from "./errorEntry.ts";

export type SchemaErrorCode =
  | "ERR_RECORD_SCHEMA"
  | "ERR_SCHEMA_INVALID"
  | "ERR_SCHEMA_NOT_FOUND"
  | "ERR_TOO_MANY_SCHEMAS";

/** What can be wrong with a schema or by one. */
export const SCHEMA_ERRORS: Readonly<Record<SchemaErrorCode, ErrorEntry>> = {
  ERR_RECORD_SCHEMA: entry(
    400,
    "Record violates its schema",
    "The `data` of a record is not what the schema of its action says; `details` name position, path and version. Nothing was stored.",
    "Mend the record, or the schema (`annals log schema`).",
  ),
  ERR_SCHEMA_INVALID: entry(
    400,
    "Schema is not taken",
    "It is no JSON Schema (2020-12), or has a keyword whose cost nobody can bound: references, patterns, `uniqueItems`.",
    "See `detail`; say it by `enum`, `const`, lengths and ranges.",
  ),
  ERR_SCHEMA_NOT_FOUND: entry(
    404,
    "No such schema",
    "The log has no schema for this action: any `data` is taken.",
    "`GET /v1/logs/{log}/schemas` lists those that there are.",
  ),
  ERR_TOO_MANY_SCHEMAS: entry(
    409,
    "Too many schemas",
    "A log has schemas for at most 64 actions; those that were removed count, for their versions.",
    "Use another log.",
  ),
};
