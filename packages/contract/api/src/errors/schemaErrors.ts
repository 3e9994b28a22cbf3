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
    "The `data` of a record does not match the schema of its action; `details` has position, " +
      "path and version. Nothing was stored.",
    "Correct the record, or change the schema (`annals log schema`).",
  ),
  ERR_SCHEMA_INVALID: entry(
    400,
    "Invalid schema",
    "The text is not a JSON Schema (2020-12), or it has a keyword whose cost cannot be " +
      "bounded: references, patterns, `uniqueItems`.",
    "The detail names the keyword. Use `enum`, `const`, lengths and ranges instead.",
  ),
  ERR_SCHEMA_NOT_FOUND: entry(
    404,
    "No such schema",
    "The log has no schema for this action, so records may have any `data`.",
    "`GET /v1/logs/{log}/schemas` lists the schemas of the log.",
  ),
  ERR_TOO_MANY_SCHEMAS: entry(
    409,
    "Too many schemas",
    "A log has schemas for at most 64 actions; those that were removed count, for their versions.",
    "Use another log.",
  ),
};
