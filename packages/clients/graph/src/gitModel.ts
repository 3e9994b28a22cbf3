import type { StoredRecord } from "@annals/client";
import { fingerprint } from "@annals/sinks";
import type { AuditModelOptions } from "./auditModel.ts";
import {
  AUDIT_NAMES,
  changeMutations,
  DEGREE_BUDGET,
  eventKey,
  partyKey,
  planAuditRecord,
} from "./auditModel.ts";
import type { NetChange } from "./changes.ts";
import { netChanges } from "./changes.ts";
import { joinKeys, keyOf } from "./keys.ts";
import type { GraphMutation } from "./mutation.ts";
import { inWritingOrder } from "./mutation.ts";
import type { RecordMapping } from "./recordMapping.ts";
import { storedValue, utcTime } from "./values.ts";

/** Counts with every change of what is planned here. */
const VERSION = 1;

/**
 * The graph of audit records, and for those of `annals import git` the commits:
 *
 *   (:Event)-[:DONE_IN]->(:CommitPart)-[:PART_OF]->(:Commit)-[:PARENT {position}]->(:Commit)
 *
 * A part holds the events of one run of `degreeBudget - 1` seqs, as those of actors and resources do. A file that was renamed has two
 * histories: that of its old path ends, that of the new one begins.
 */
export function gitMapping(given: {
  readonly log: string;
  readonly degreeBudget?: number | undefined;
}): RecordMapping {
  const { log, degreeBudget = DEGREE_BUDGET } = given;
  const options = { log, degreeBudget };
  return {
    fingerprint: fingerprint(["git", VERSION]),
    labels: [...AUDIT_NAMES.labels, "CommitPart", "Commit"],
    types: [...AUDIT_NAMES.types, "DONE_IN", "PARENT"],
    plan: (record) => planGitRecord(record, options),
  };
}

function planGitRecord(record: StoredRecord, options: AuditModelOptions): readonly GraphMutation[] {
  const { context } = record;
  const repository = context?.["repository"];
  const id = context?.["commit"];
  if (context?.["source"] !== "git" || typeof repository !== "string" || typeof id !== "string")
    return planAuditRecord(record, options);
  const { changes: _, ...plain } = record;
  return inWritingOrder([
    ...planAuditRecord(plain, options),
    ...commitMutations(record, { repository, id }, options),
    ...historyMutations(record, options),
  ]);
}

interface CommitName {
  readonly repository: string;
  readonly id: string;
}

/** Key of a commit. */
function commitKey({ repository, id }: CommitName, tenant: string): string {
  return keyOf(tenant, "commit", repository, id);
}

function commitMutations(
  record: StoredRecord,
  commit: CommitName,
  { log, degreeBudget }: AuditModelOptions,
): readonly GraphMutation[] {
  const { seq, tenant = "" } = record;
  const key = commitKey(commit, tenant);
  const run = Math.floor(seq / (degreeBudget - 1));
  const part = joinKeys(keyOf(log, "commitPart"), key, String(run));
  const shared = { seq, fresh: false } as const;
  const edge = { ...shared, kind: "edge", key: "", properties: {} } as const;
  return [
    { ...shared, kind: "node", label: "Commit", key, properties: commitProperties(record, commit) },
    { ...shared, kind: "node", label: "CommitPart", key: part, properties: {} },
    { ...edge, type: "PART_OF", from: part, to: key },
    { ...edge, type: "DONE_IN", fresh: true, from: eventKey(log, seq), to: part },
    ...parentsOf(record).map((parent, position) => {
      const to = commitKey({ ...commit, id: parent }, tenant);
      const named = { key: String(position), properties: { position } };
      return { ...edge, ...named, type: "PARENT", from: key, to };
    }),
  ];
}

function commitProperties(
  record: StoredRecord,
  { repository, id }: CommitName,
): Readonly<Record<string, string | boolean>> {
  const { subject, mainLine } = record.context ?? {};
  return {
    repository,
    id,
    at: utcTime(record.time ?? record.recordedAt, record.seq),
    ...(typeof subject === "string" ? { subject } : {}),
    ...(typeof mainLine === "boolean" ? { mainLine } : {}),
  };
}

function parentsOf({ context }: StoredRecord): readonly string[] {
  const parents = context?.["parents"];
  return Array.isArray(parents) ? parents.map(String) : [];
}

/** What is in the files of the main line. */
function historyMutations(
  record: StoredRecord,
  { log }: AuditModelOptions,
): readonly GraphMutation[] {
  const { seq, tenant = "", targets = [] } = record;
  const [file, old] = targets.map((target) => partyKey("Resource", target, tenant));
  if (file === undefined) return [];
  const from = utcTime(record.time ?? record.recordedAt, seq);
  const changed = (entity: string, path: string, change: NetChange): readonly GraphMutation[] =>
    changeMutations({ log, entity, path, change, from, seq });
  if (old === undefined)
    return [...netChanges(record)].flatMap(([path, change]) => changed(file, path, change));
  return (record.changes ?? [])
    .filter(({ path }) => path !== "path")
    .flatMap(({ path, before, after }) => [
      ...changed(old, path, { before: storedValue(before), after: null }),
      ...changed(file, path, { before: null, after: storedValue(after) }),
    ]);
}
