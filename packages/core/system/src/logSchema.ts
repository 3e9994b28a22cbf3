/** Bytes of one schema as JSON: those of a small body. */
export const SCHEMA_BYTES_MAX: number = 4 * 1024;
/** Actions of one log that have, or have had, a schema. */
export const SCHEMAS_PER_LOG_MAX = 64;

/** What `data` of the records of one action must be, in one log. */
export interface LogSchema {
  readonly action: string;
  /** 1, 2, 3 … by every change. */
  readonly version: number;
  /** JSON Schema (2020-12) as JSON; undefined when it was removed. */
  readonly schema: string | undefined;
  /** Index of the entry of `_system` that made it. */
  readonly index: number;
}
