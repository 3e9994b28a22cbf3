import type { StoredRecord } from "@annals/client";
import { joinKeys, keyOf } from "./keys.ts";
import type { GraphValue, PatchMutation } from "./mutation.ts";
import { storedValue } from "./values.ts";

export interface NetChange {
  readonly before: GraphValue | null;
  readonly after: GraphValue | null;
}

/** One change per path, from its first value to its last one; what is unchanged in the end is left out. */
export function netChanges(record: StoredRecord): ReadonlyMap<string, NetChange> {
  const net = new Map<string, NetChange>();
  for (const change of record.changes ?? []) {
    const earlier = net.get(change.path);
    const before = earlier === undefined ? storedValue(change.before) : earlier.before;
    net.set(change.path, { before, after: storedValue(change.after) });
  }
  for (const [path, { before, after }] of net) if (before === after) net.delete(path);
  return net;
}

/** Key of the history of one path of an entity, within a log. */
export function propertyKey(log: string, entity: string, path: string): string {
  return joinKeys(keyOf(log, "property"), entity, keyOf(path));
}

export function changeOf(
  options: Pick<PatchMutation, "entity" | "path" | "from" | "seq"> & {
    readonly log: string;
    readonly change: NetChange;
  },
): PatchMutation {
  const { log, entity, path, change, from, seq } = options;
  const property = propertyKey(log, entity, path);
  const key = joinKeys(property, keyOf("change", String(seq)));
  return { kind: "patch", key, seq, entity, path, property, from, ...change };
}
