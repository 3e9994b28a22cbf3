/**
 * What a record changes in the graph. A plan lists nodes, then patches, then edges, each sorted by key, so that whatever an edge names is
 * there before it and two writers take locks in one order.
 */

export type GraphValue = string | number | boolean;

export type GraphProperties = Readonly<Record<string, GraphValue>>;

export interface NodeMutation {
  readonly kind: "node";
  /** Beside `Entity`, which every node has. */
  readonly label: string;
  readonly key: string;
  /** Of the record; a node keeps that of the record that made it. */
  readonly seq: number;
  /** Only this record makes this node, and no earlier one names it: no search for it is needed. */
  readonly fresh: boolean;
  readonly properties: GraphProperties;
}

/** A value of something changed: a node `Change` with the interval in which the new value held. */
export interface PatchMutation {
  readonly kind: "patch";
  readonly key: string;
  readonly seq: number;
  /** Key of what changed. */
  readonly entity: string;
  readonly path: string;
  /** Of the entity and the path, within the log: what has one history. */
  readonly property: string;
  /** When, in UTC with milliseconds: begins the interval. */
  readonly from: string;
  /** Null: there was none. */
  readonly before: GraphValue | null;
  readonly after: GraphValue | null;
}

export interface EdgeMutation {
  readonly kind: "edge";
  readonly type: string;
  /** The end that has fewer edges; the edge is searched for from here. */
  readonly from: string;
  readonly to: string;
  /** Tells edges of one type between the same ends apart. */
  readonly key: string;
  readonly seq: number;
  readonly fresh: boolean;
  readonly properties: GraphProperties;
}

export type GraphMutation = NodeMutation | PatchMutation | EdgeMutation;

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const RANK = { node: 0, patch: 1, edge: 2 } as const;

function orderOf(mutation: GraphMutation): readonly string[] {
  switch (mutation.kind) {
    case "node":
      return [mutation.key];
    case "patch":
      return [mutation.property];
    case "edge":
      return [mutation.type, mutation.from, mutation.to, mutation.key];
    default:
      return mutation satisfies never;
  }
}

/** Nodes, patches, edges; by key within each. Stable, so patches of one property stay in the order of their records. */
export function inWritingOrder<M extends GraphMutation>(mutations: readonly M[]): readonly M[] {
  return mutations.toSorted((a, b) => {
    const rank = RANK[a.kind] - RANK[b.kind];
    if (rank !== 0) return rank;
    const left = orderOf(a);
    const right = orderOf(b);
    for (const [index, text] of left.entries()) {
      const order = compare(text, right[index] ?? "");
      if (order !== 0) return order;
    }
    return 0;
  });
}

/** Bytes that a mutation takes on its way, near enough: its texts, and a little for each field. */
export function weighMutation(mutation: GraphMutation): number {
  switch (mutation.kind) {
    case "node":
      return 32 + mutation.key.length + weighProperties(mutation.properties);
    case "patch":
      return (
        96 +
        mutation.key.length +
        mutation.entity.length +
        mutation.property.length * 2 +
        mutation.path.length +
        weighValue(mutation.before) +
        weighValue(mutation.after)
      );
    case "edge":
      return (
        32 +
        mutation.from.length +
        mutation.to.length +
        mutation.key.length +
        weighProperties(mutation.properties)
      );
    default:
      return mutation satisfies never;
  }
}

function weighProperties(properties: GraphProperties): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(properties)) bytes += name.length + weighValue(value);
  return bytes;
}

function weighValue(value: GraphValue | null): number {
  return typeof value === "string" ? Buffer.byteLength(value) : 8;
}
