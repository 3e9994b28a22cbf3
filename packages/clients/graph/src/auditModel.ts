import type { StoredRecord } from "@annals/client";
import { changeOf, netChanges } from "./changes.ts";
import { GraphError } from "./graphError.ts";
import { joinKeys, keyOf } from "./keys.ts";
import type {
  EdgeMutation,
  GraphMutation,
  GraphProperties,
  GraphValue,
  NodeMutation,
  PatchMutation,
} from "./mutation.ts";
import { inWritingOrder } from "./mutation.ts";
import { utcTime } from "./values.ts";

/**
 * The graph of audit records:
 *
 *   (:Event)-[:BY]->(:ActorPart)-[:PART_OF]->(:ActorDay)-[:OF]->(:Actor)
 *   (:Event)-[:ON]->(:ResourcePart)-[:PART_OF]->(:ResourceDay)-[:OF]->(:Resource)
 *   (:Change)-[:MADE_BY]->(:Event)
 *
 * No node gathers edges without end. A part holds the events of one day and of one run of `degreeBudget - 1` seqs, so it cannot have more,
 * and the one edge to its day. A day has as many parts as it has such runs: the budget is kept up to its square in records. The day is
 * that of `recordedAt`, which no client chooses. After an actor's or a resource's first event nothing writes to its node again. Actions and
 * outcomes are properties: as nodes they would be the greatest hubs of all.
 */
export interface AuditModelOptions {
  /** Scopes what counts by seq: several logs may share a graph, its actors and its resources. */
  readonly log: string;
  /** Edges that a node may have, ≥ 16. */
  readonly degreeBudget: number;
}

/** Edges that a node may have, unless something else is said. */
export const DEGREE_BUDGET = 10_000;

const PARTIES = ["Actor", "Resource"].flatMap((side) => [side, `${side}Day`, `${side}Part`]);

/** The labels and edge types of this model. */
export const AUDIT_NAMES: {
  readonly labels: readonly string[];
  readonly types: readonly string[];
} = {
  labels: ["Event", "Change", ...PARTIES],
  types: ["BY", "ON", "PART_OF", "OF", "MADE_BY"],
};

interface Party {
  readonly id: string;
  readonly type?: string;
}

type Side = "Actor" | "Resource";

/** The mutations of one record; the same for the same record. */
export function planAuditRecord(
  record: StoredRecord,
  options: AuditModelOptions,
): readonly GraphMutation[] {
  const { seq } = record;
  const at = utcTime(record.time ?? record.recordedAt, seq);
  const day = utcTime(record.recordedAt, seq).slice(0, 10);
  const event = eventKey(options.log, seq);
  const place: Place = { tenant: record.tenant ?? "", seq, day, event, options };

  const targets = distinctTargets(record, place);
  const changes = netChanges(record);
  checkWidth(targets.size + changes.size + 1, place);

  const mutations: GraphMutation[] = [eventNode(record, at, place)];
  mutations.push(...partyMutations("Actor", record.actor, "BY", place));
  for (const target of targets.values()) {
    mutations.push(...partyMutations("Resource", target, "ON", place));
  }
  const [first] = targets.keys();
  const entity = first ?? partyKey("Actor", record.actor, place.tenant);
  for (const [path, change] of changes) {
    mutations.push(...changeMutations({ log: options.log, entity, path, change, from: at, seq }));
  }
  return inWritingOrder(mutations);
}

/** Key of the event of a record. */
export function eventKey(log: string, seq: number): string {
  return keyOf(log, "event", String(seq));
}

/** A change and the edge to the event that made it. */
export function changeMutations(
  change: Parameters<typeof changeOf>[0],
): readonly [PatchMutation, EdgeMutation] {
  const { log, seq } = change;
  const patch = changeOf(change);
  return [patch, edge("MADE_BY", patch.key, eventKey(log, seq), seq, true)];
}

interface Place {
  readonly tenant: string;
  readonly seq: number;
  readonly day: string;
  readonly event: string;
  readonly options: AuditModelOptions;
}

/** Key of an actor or a resource: what it is follows from tenant, type and id alone. */
export function partyKey(side: Side, party: Party, tenant: string): string {
  return keyOf(tenant, side.toLowerCase(), party.type ?? "", party.id);
}

function distinctTargets(record: StoredRecord, place: Place): ReadonlyMap<string, Party> {
  const targets = new Map<string, Party>();
  for (const target of record.targets ?? []) {
    const key = partyKey("Resource", target, place.tenant);
    if (!targets.has(key)) targets.set(key, target);
  }
  return targets;
}

function checkWidth(edges: number, { seq, options }: Place): void {
  if (edges <= options.degreeBudget) return;
  const message = `record ${seq} has ${edges} edges, a node may have ${options.degreeBudget}`;
  const details = { seq, edges, degreeBudget: options.degreeBudget };
  throw new GraphError("ERR_GRAPH_RECORD_TOO_WIDE", "data", message, { details });
}

function eventNode(record: StoredRecord, at: string, { event, day, seq }: Place): NodeMutation {
  const properties: Record<string, GraphValue> = {
    at,
    day,
    recordedAt: utcTime(record.recordedAt, seq),
    action: record.action,
  };
  if (record.outcome !== undefined) properties["outcome"] = record.outcome;
  if (record.tenant !== undefined) properties["tenant"] = record.tenant;
  if (record.id !== undefined) properties["id"] = record.id;
  return node("Event", event, seq, properties, true);
}

/** Someone or something that the event names: its node, its day, its part of the day, and the edge of the event to that. */
function partyMutations(
  side: Side,
  party: Party,
  type: string,
  { tenant, seq, day, event, options }: Place,
): readonly GraphMutation[] {
  const key = partyKey(side, party, tenant);
  const dayKey = joinKeys(keyOf(options.log, `${side.toLowerCase()}Day`), key, day);
  const run = Math.floor(seq / (options.degreeBudget - 1));
  const partKey = joinKeys(keyOf(options.log, `${side.toLowerCase()}Part`), key, day, String(run));
  const named: Record<string, GraphValue> = { id: party.id };
  if (party.type !== undefined) named["type"] = party.type;
  if (tenant !== "") named["tenant"] = tenant;
  return [
    node(side, key, seq, named),
    node(`${side}Day`, dayKey, seq, { day }),
    node(`${side}Part`, partKey, seq, { day }),
    edge("OF", dayKey, key, seq),
    edge("PART_OF", partKey, dayKey, seq),
    edge(type, event, partKey, seq, true),
  ];
}

function node(
  label: string,
  key: string,
  seq: number,
  properties: GraphProperties,
  fresh = false,
): NodeMutation {
  return { kind: "node", label, key, seq, fresh, properties };
}

function edge(type: string, from: string, to: string, seq: number, fresh = false): EdgeMutation {
  return { kind: "edge", type, from, to, key: "", seq, fresh, properties: {} };
}
