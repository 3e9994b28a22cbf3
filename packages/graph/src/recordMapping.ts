import type { StoredRecord } from "@annals/client";
import type { GraphMutation } from "./mutation.ts";

/** What somebody's own records become: pure, like the model of audit records. */
export interface RecordMapping {
  /** Of the mapping: a graph that another one wrote is not continued. */
  readonly fingerprint: string;
  /** Labels and edge types that it uses; others are refused. */
  readonly labels: readonly string[];
  readonly types: readonly string[];
  plan(record: StoredRecord): readonly GraphMutation[];
}
