/** What `data` of the records of an action must be. */
export interface SchemaInfo {
  readonly action: string;
  /** Counts every change, removals too. */
  readonly version: number;
  /** Null when it was removed. */
  readonly schema: unknown;
}
