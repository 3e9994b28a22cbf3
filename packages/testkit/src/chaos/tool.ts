import type { ChaosCluster } from "./cluster.ts";
import type { Strikes } from "./strike.ts";

/** What a tool needs to know before there are nodes. */
export interface ToolSite {
  readonly directory: string;
  readonly ids: readonly string[];
  readonly addresses: ReadonlyMap<string, string>;
}

/** Something that injects faults of some kinds, set up for one run. Whatever it leaves on the machine is gone after `close`. */
export interface Tool {
  /** Environment of a node's process. */
  readonly envOf?: (id: string) => Readonly<Record<string, string>>;
  /** Where a node must keep its data. */
  readonly dataOf?: (id: string) => string;
  strikes(cluster: ChaosCluster): Strikes;
  /** All faults are over, whatever happened to those who should have healed them. */
  heal?(): Promise<void> | void;
  close(): Promise<void> | void;
}
