import type { NodeConfig } from "../keys/nodeConfig.ts";

/** How many of each thing a node has. */
export interface Shape {
  /** Other nodes of the cluster. */
  readonly peers: number;
  /** Logs beside `_system`, which carries commands of a few hundred bytes only. */
  readonly logs: number;
  readonly workers: number;
  /** Workers of isolated logs, beyond `workers`. */
  readonly isolated: number;
  /** Connections of the client stream. */
  readonly clients: number;
}

/**
 * What a bound exists once per. `worker`: `shared` and `isolated` ones together. `stream`: a log and a peer. `link`: an accepted data link,
 * of a log (`_system` too) and a peer. `client`: a connection of the client stream.
 */
export type BoundPer =
  | "node"
  | "worker"
  | "shared"
  | "isolated"
  | "log"
  | "stream"
  | "link"
  | "peer"
  | "client";

/** One queue or buffer of a node and what bounds it. */
export interface Bound {
  /** Also the name of its gauge. */
  readonly name: string;
  readonly holds: string;
  readonly place: "gateway" | "worker";
  readonly per: BoundPer;
  readonly unit: "bytes" | "count";
  /** The key that sets the cap, or what else does; undefined: nothing bounds it. */
  readonly setBy: string | undefined;
  readonly cap: (config: NodeConfig) => number;
  /** What may exceed the cap: the one item that crosses it, in the same unit. */
  readonly item: (config: NodeConfig) => number;
  /** Bytes that one unit stands for; 0 when they are counted elsewhere, as `atCap` says. */
  readonly weight: (config: NodeConfig) => number;
  readonly atCap: string;
  /** Why no gauge says what it holds; undefined: one does. */
  readonly ungauged?: string;
  /** It is measured and not held: V8 ends the thread, or nothing does. */
  readonly measured?: true;
  /** The file of the test that shows it, and its title or a part of it. */
  readonly test: readonly [file: string, title: string] | undefined;
  /** Another row that bounds all of these together: the sum of both is the less of the two. */
  readonly within?: string;
}

export const none = (): number => 0;
export const one = (): number => 1;
export const constant = (value: number) => (): number => value;
