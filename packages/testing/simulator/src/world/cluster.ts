import type { TrueTime } from "@annals/check";
import type { Machines } from "./machine.ts";
import type { Planted } from "./mutant.ts";
import type { Network } from "./network.ts";
import type { Surroundings } from "./surroundings.ts";

/** Numbers that nobody had before. */
export interface Numbers {
  /** The number of a request. */
  nextRequest(): number;
  /** The number of a blob; lower ones are named again and again. */
  nextBlob(): number;
}

/** The cluster: its machines, the network between them, and the bug that is planted in it. */
export interface Cluster extends Surroundings, Machines, Numbers, Planted {
  readonly network: Network;
  readonly trueTime: TrueTime;
  /** Logs of nodes in repair at present. */
  repairs: number;
}
