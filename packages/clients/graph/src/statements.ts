import type { GraphParameter } from "./graphDatabase.ts";
import type { EdgeMutation, GraphMutation, NodeMutation, PatchMutation } from "./mutation.ts";
import { inWritingOrder } from "./mutation.ts";
import { createEdges, createNodes, mergeEdges, mergeNodes } from "./templates.ts";
import type { WrittenKeys } from "./writtenKeys.ts";

/** One statement for all rows of a kind, each of which it must find or make. */
export interface NodeStatement {
  readonly label: string;
  readonly fresh: boolean;
  readonly rows: readonly NodeMutation[];
}

export interface EdgeStatement {
  readonly type: string;
  readonly fresh: boolean;
  readonly rows: readonly EdgeMutation[];
}

/** What a transaction has to write for some mutations, in a fixed order, each node and edge once. */
export interface Statements {
  readonly nodes: readonly NodeStatement[];
  readonly patches: readonly PatchMutation[];
  readonly edges: readonly EdgeStatement[];
  /** Of everything in it that other records name again. */
  readonly shared: ReadonlySet<string>;
}

/** Leaves out what is known to be written. */
export function statementsOf(
  mutations: readonly GraphMutation[],
  written: WrittenKeys,
): Statements {
  const nodes = new Map<string, Map<string, NodeMutation>>();
  const edges = new Map<string, Map<string, EdgeMutation>>();
  const patches: PatchMutation[] = [];
  const shared = new Set<string>();

  const take = <M extends NodeMutation | EdgeMutation>(
    groups: Map<string, Map<string, M>>,
    mutation: M,
    template: string,
    identity: string,
  ): void => {
    if (!mutation.fresh) {
      if (!shared.has(identity) && written.has(identity)) return;
      shared.add(identity);
    }
    const group = groups.get(template) ?? new Map<string, M>();
    groups.set(template, group);
    if (!group.has(identity)) group.set(identity, mutation);
  };

  for (const mutation of mutations) {
    switch (mutation.kind) {
      case "node":
        take(nodes, mutation, `${mutation.label} ${mutation.fresh}`, mutation.key);
        break;
      case "edge":
        take(edges, mutation, `${mutation.type} ${mutation.fresh}`, edgeIdentity(mutation));
        break;
      case "patch":
        patches.push(mutation);
        break;
      default:
        mutation satisfies never;
    }
  }
  return {
    nodes: inOrder(nodes).map((rows) => ({ label: rows[0].label, fresh: rows[0].fresh, rows })),
    patches,
    edges: inOrder(edges).map((rows) => ({ type: rows[0].type, fresh: rows[0].fresh, rows })),
    shared,
  };
}

function edgeIdentity({ type, from, to, key }: EdgeMutation): string {
  return `${type}\n${from}\n${to}\n${key}`;
}

function inOrder<M extends GraphMutation>(
  groups: ReadonlyMap<string, ReadonlyMap<string, M>>,
): readonly (readonly [M, ...M[]])[] {
  return [...groups.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, rows]) => {
      const [first, ...rest] = inWritingOrder([...rows.values()]);
      return first === undefined ? [] : [[first, ...rest] as const];
    });
}

export function nodeTemplate({ label, fresh }: NodeStatement): string {
  return fresh ? createNodes(label) : mergeNodes(label);
}

export function edgeTemplate({ type, fresh }: EdgeStatement): string {
  return fresh ? createEdges(type) : mergeEdges(type);
}

export function nodeRows(rows: readonly NodeMutation[]): readonly GraphParameter[] {
  return rows.map(({ key, seq, properties }) => ({ key, seq, properties }));
}

export function edgeRows(rows: readonly EdgeMutation[]): readonly GraphParameter[] {
  return rows.map(({ from, to, key, seq, properties }) => ({ from, to, key, seq, properties }));
}
