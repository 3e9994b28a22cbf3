import type { StoredRecord } from "@annals/client";
import { fingerprint } from "@annals/sinks";
import { changeOf, netChanges } from "./changes.ts";
import { GraphError } from "./graphError.ts";
import { joinKeys, keyOf } from "./keys.ts";
import type { EdgeRule, MappingRule, NodeRule } from "./mappingTemplate.ts";
import { parseMappingTemplate } from "./mappingTemplate.ts";
import type { EdgeMutation, GraphMutation, GraphValue, NodeMutation } from "./mutation.ts";
import { inWritingOrder } from "./mutation.ts";
import { valueAt } from "./recordPath.ts";
import { storedValue, utcTime } from "./values.ts";

/** What somebody's own records become: pure, like the model of audit records. */
export interface RecordMapping {
  /** Of the mapping: a graph that another one wrote is not continued. */
  readonly fingerprint: string;
  /** Labels and edge types that it uses, the only ones that it may. */
  readonly labels: readonly string[];
  readonly types: readonly string[];
  plan(record: StoredRecord): readonly GraphMutation[];
}

/**
 * A mapping by template (`parseMappingTemplate`). A node of which a part of the key is missing in a record is left out, and its edges; a
 * property that is missing is left out. Nodes and edges are merged by their keys; what is there already stays as it is.
 */
export function mappingOfTemplate(document: unknown, log: string): RecordMapping {
  const rules = parseMappingTemplate(document);
  const labels = rules.flatMap(({ nodes }) => [...nodes.values()].map(({ label }) => label));
  const types = rules.flatMap(({ edges }) => edges.map(({ type }) => type));
  return {
    fingerprint: fingerprint(document),
    labels: [...new Set(labels)],
    types: [...new Set(types)],
    plan: (record) => {
      const fitting = rules.filter(({ action }) => fits(record.action, action));
      return inWritingOrder(fitting.flatMap((rule) => planRule(rule, record, log)));
    },
  };
}

function fits(action: string, pattern: string | undefined): boolean {
  if (pattern === undefined) return true;
  return pattern.endsWith("*") ? action.startsWith(pattern.slice(0, -1)) : action === pattern;
}

function planRule(rule: MappingRule, record: StoredRecord, log: string): readonly GraphMutation[] {
  const nodes = new Map<string, NodeMutation>();
  for (const [name, each] of rule.nodes) {
    const node = nodeOf(each, record);
    if (node !== undefined) nodes.set(name, node);
  }
  const edges = rule.edges.flatMap((each) => edgeOf(each, nodes, record));
  const entity = rule.changes === undefined ? undefined : nodes.get(rule.changes)?.key;
  const changes = entity === undefined ? [] : changesOf(entity, record, log);
  return [...nodes.values(), ...edges, ...changes];
}

function nodeOf(
  { label, key, properties }: NodeRule,
  record: StoredRecord,
): NodeMutation | undefined {
  const parts = key.map((source) => resolved(source, record));
  if (parts.includes(null)) return undefined;
  return {
    kind: "node",
    label,
    key: joinKeys(keyOf("mapped", label), ...parts.map((part) => keyOf(String(part)))),
    seq: record.seq,
    fresh: false,
    properties: resolvedAll(properties, record),
  };
}

function edgeOf(
  { type, from, to, properties }: EdgeRule,
  nodes: ReadonlyMap<string, NodeMutation>,
  record: StoredRecord,
): readonly EdgeMutation[] {
  const a = nodes.get(from)?.key;
  const b = nodes.get(to)?.key;
  if (a === undefined || b === undefined) return [];
  const { seq } = record;
  const resolvedProperties = resolvedAll(properties, record);
  return [
    {
      kind: "edge",
      type,
      from: a,
      to: b,
      key: "",
      seq,
      fresh: false,
      properties: resolvedProperties,
    },
  ];
}

/** A change without an event: it says itself which record made it. */
function changesOf(entity: string, record: StoredRecord, log: string): readonly GraphMutation[] {
  const from = utcTime(record.time ?? record.recordedAt, record.seq);
  return [...netChanges(record)].map(([path, change]) =>
    changeOf({ log, entity, path, change, from, seq: record.seq }),
  );
}

function resolved(source: string, record: StoredRecord): GraphValue | null {
  return source.startsWith("$") ? storedValue(valueAt(record, source.slice(1))) : source;
}

function resolvedAll(
  properties: Readonly<Record<string, string>>,
  record: StoredRecord,
): Readonly<Record<string, GraphValue>> {
  const entries = Object.entries(properties).flatMap(([name, source]) => {
    const value = resolved(source, record);
    return value === null ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

/**
 * A mapping by module: `labels`, `types` and `plan(record)`, whose answers are checked. The version is the caller's to give: the
 * module's text, or what changes with it.
 */
export function mappingOfModule(
  module: Omit<RecordMapping, "fingerprint">,
  version: string,
): RecordMapping {
  const { labels, types } = module;
  const refuse = (seq: number, words: string): GraphError => {
    const message = `record ${seq}: the mapping gives ${words}`;
    return new GraphError("ERR_GRAPH_MAPPING", "settings", message, { details: { seq } });
  };
  return {
    fingerprint: fingerprint(version),
    labels,
    types,
    plan: (record) => {
      const mutations = module.plan(record);
      for (const mutation of mutations) {
        if (mutation.kind === "node" && !labels.includes(mutation.label)) {
          throw refuse(record.seq, `label ${mutation.label}, which it has not declared`);
        }
        if (mutation.kind === "edge" && !types.includes(mutation.type)) {
          throw refuse(record.seq, `edge type ${mutation.type}, which it has not declared`);
        }
        if (mutation.seq !== record.seq) {
          throw refuse(record.seq, `seq ${mutation.seq}`);
        }
      }
      return inWritingOrder(mutations);
    },
  };
}
