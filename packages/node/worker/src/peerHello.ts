import type { MemberId } from "@annals/raft";
import { PROTOCOL_VERSION } from "@annals/wire";
import type { HelloFrame } from "@annals/wire";
import type { NodeConfig } from "@annals/config";

/** Who dials. */
export interface Caller {
  readonly config: NodeConfig;
  /** Undefined on a node that belongs to no cluster yet. */
  readonly clusterId: string | undefined;
  readonly self: MemberId;
  readonly fingerprint: string;
}

/** What this node says of itself to a peer when it dials a link. */
export function peerHello(
  { config, clusterId, self, fingerprint }: Caller,
  purpose: HelloFrame["purpose"],
  logId: number | undefined,
): Omit<HelloFrame, "kind" | "epoch"> {
  return {
    protocol: PROTOCOL_VERSION,
    cluster: config.cluster,
    clusterId,
    node: config.node,
    member: self,
    address: config.nodes[config.node] ?? "",
    fingerprint,
    purpose,
    logId,
    limits: { maxMessageBytes: config.replication.maxMessageBytes },
  };
}
