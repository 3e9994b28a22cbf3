import type { ProcessCluster } from "@annals/drill";
import type { Capability } from "./faultKinds.ts";
import type { Strikes } from "./strike.ts";

/** What a tool needs to know before there are nodes. */
export interface ToolSite {
  readonly directory: string;
  readonly ids: readonly string[];
  /** `host:port` of every node. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Where each node keeps its data. */
  readonly dataOf: (id: string) => string;
  /** Where the probes have left what they compiled. */
  readonly nativeDirectory: string;
  /** What the faults of this run need. */
  readonly needs: ReadonlySet<Capability>;
}

/** Something that injects faults of some kinds, set up for one run. Whatever it leaves on the machine is gone after `close`. */
export interface Tool {
  /** Environment of a node's process. */
  readonly envOf?: (id: string) => Readonly<Record<string, string>>;
  strikes(cluster: ProcessCluster): Strikes;
  /** All faults are over, whatever happened to those who should have healed them. */
  heal?(): Promise<void> | void;
  close(): Promise<void> | void;
}
