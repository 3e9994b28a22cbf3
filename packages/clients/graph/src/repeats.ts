import { canonicalJson, conflicting } from "@annals/sinks";
import type { GraphParameter, GraphRow, GraphTransaction } from "./graphDatabase.ts";
import type { GraphMutation, NodeMutation, PatchMutation } from "./mutation.ts";
import { READ_NODES } from "./templates.ts";

type Made = NodeMutation | PatchMutation;

/**
 * What is left to write of mutations of which some are in the graph already, from before a replay; undefined if none is. What only one
 * record makes must be there as that record says. Throws a `SinkError` where it is not.
 */
export async function withoutRepeats(
  transaction: GraphTransaction,
  where: string,
  mutations: readonly GraphMutation[],
): Promise<readonly GraphMutation[] | undefined> {
  const made = mutations.filter(isMadeOnce);
  const rows = made.map(({ key }): GraphParameter => ({ key }));
  const there = new Map(
    (await transaction.run(READ_NODES, { rows })).map((row) => [String(row["key"]), row]),
  );
  const found = new Set<string>();
  for (const mutation of made) {
    const row = there.get(mutation.key);
    // A node of another record under this key is no repeat: the plan is wrong, or the record.
    if (row === undefined || propertiesOf(row)["seq"] !== mutation.seq) continue;
    found.add(mutation.key);
    if (isSame(mutation, propertiesOf(row))) continue;
    throw conflicting(
      `${where}: node ${mutation.key} of record ${mutation.seq} has not what the log has`,
    );
  }
  if (found.size === 0) return undefined;
  return mutations.flatMap((mutation): readonly GraphMutation[] => {
    if (isMadeOnce(mutation)) return found.has(mutation.key) ? [] : [mutation];
    return mutation.kind === "edge" && found.has(mutation.from)
      ? [{ ...mutation, fresh: false }]
      : [mutation];
  });
}

/** Only one record makes it. */
export function isMadeOnce(mutation: GraphMutation): mutation is Made {
  return mutation.kind === "patch" || (mutation.kind === "node" && mutation.fresh);
}

/** Ends of intervals are written by later changes, so they tell nothing. */
const MOVES: ReadonlySet<string> = new Set(["to", "head"]);

export function propertiesOf({ properties }: GraphRow): Readonly<Record<string, unknown>> {
  return typeof properties === "object" && properties !== null ? { ...properties } : {};
}

/** Whether a node has what a record says of it. */
export function isSame(mutation: Made, properties: Readonly<Record<string, unknown>>): boolean {
  const held = Object.entries(properties).filter(
    ([name, value]) => !MOVES.has(name) && value !== null,
  );
  return canonicalJson(Object.fromEntries(held)) === canonicalJson(wanted(mutation));
}

function wanted(mutation: Made): Readonly<Record<string, GraphParameter>> {
  const { key, seq } = mutation;
  if (mutation.kind === "node") return { key, seq, ...mutation.properties };
  const { entity, path, property, from, before, after } = mutation;
  const fields: Record<string, GraphParameter> = { key, seq, entity, path, property, from };
  if (before !== null) fields["old"] = before;
  if (after !== null) fields["new"] = after;
  return fields;
}
