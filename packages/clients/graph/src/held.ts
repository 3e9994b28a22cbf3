import type { StoredRecord } from "@annals/client";
import type { Held } from "@annals/sinks";
import { valueHash } from "@annals/sinks";
import type { GraphParameter, GraphTransaction } from "./graphDatabase.ts";
import type { EdgeMutation, GraphMutation } from "./mutation.ts";
import { isMadeOnce, isSame, propertiesOf } from "./repeats.ts";
import { findEdges, READ_NODES } from "./templates.ts";

/** A record and what a sink makes of it. */
export interface Planned {
  readonly record: StoredRecord;
  readonly mutations: readonly GraphMutation[];
}

/** Rows of one statement. */
const ROWS = 200;

/**
 * Which of some records the graph holds: all that their plans say is there, and what only one record makes is as that record says. Of a
 * record of which only a part is there the note says what is wrong first.
 */
export async function heldInGraph(
  transaction: GraphTransaction,
  plans: readonly Planned[],
): Promise<readonly Held[]> {
  const mutations = plans.flatMap((plan) => plan.mutations);
  const nodes = await nodesThere(transaction, mutations);
  const edges = await edgesThere(transaction, mutations);
  return plans.flatMap(({ record, mutations: planned }): readonly Held[] => {
    const { seq } = record;
    const wrong = planned.flatMap((mutation) => fault(mutation, nodes, edges));
    // What others share with it does not make it one that is there.
    const own = planned.filter(isMadeOnce);
    const isThere = own.some(({ key }) => nodes.has(key));
    if (own.length > 0 && !isThere) return [];
    const [note] = wrong;
    return [note === undefined ? { seq, hash: valueHash(record) } : { seq, hash: "", note }];
  });
}

type Nodes = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

function fault(
  mutation: GraphMutation,
  nodes: Nodes,
  edges: ReadonlySet<string>,
): readonly string[] {
  if (mutation.kind === "edge")
    return edges.has(nameOf(mutation))
      ? []
      : [`edge ${mutation.type} from ${mutation.from} is missing`];
  const { key } = mutation;
  const properties = nodes.get(key);
  if (properties === undefined) return [`node ${key} is missing`];
  if (isMadeOnce(mutation))
    return isSame(mutation, properties) ? [] : [`node ${key} has not what the record says`];
  return properties["stub"] === true ? [`node ${key} is a stub`] : [];
}

async function nodesThere(
  transaction: GraphTransaction,
  mutations: readonly GraphMutation[],
): Promise<Nodes> {
  const keys = new Set(mutations.flatMap((one) => (one.kind === "edge" ? [] : [one.key])));
  const found = new Map<string, Readonly<Record<string, unknown>>>();
  for (const rows of inParts([...keys].map((key) => ({ key }))))
    for (const row of await transaction.run(READ_NODES, { rows }))
      found.set(String(row["key"]), propertiesOf(row));
  return found;
}

async function edgesThere(
  transaction: GraphTransaction,
  mutations: readonly GraphMutation[],
): Promise<ReadonlySet<string>> {
  const byType = new Map<string, EdgeMutation[]>();
  for (const one of mutations) {
    if (one.kind !== "edge") continue;
    const edges = byType.get(one.type) ?? [];
    byType.set(one.type, edges);
    edges.push(one);
  }
  const found = new Set<string>();
  for (const [type, edges] of byType)
    for (const part of inParts(edges)) {
      const rows = part.map(({ from, to, key }, at): GraphParameter => ({ from, to, key, at }));
      for (const row of await transaction.run(findEdges(type), { rows })) {
        const edge = part[Number(row["at"])];
        if (edge !== undefined) found.add(nameOf(edge));
      }
    }
  return found;
}

function nameOf({ type, from, to, key }: EdgeMutation): string {
  return [type, from, to, key].join("\n");
}

function* inParts<T>(all: readonly T[]): Generator<readonly T[], void> {
  for (let at = 0; at < all.length; at += ROWS) yield all.slice(at, at + ROWS);
}
