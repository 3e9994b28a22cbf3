import type { NodeConfig } from "../keys/nodeConfig.ts";
import * as fixed from "./constants.ts";

/** Caps on the connections that are not clients'. They follow the number of clients: a small node needs few files and little memory. */
export interface ConnectionCaps {
  /** Connections that have not sent the head of a request. */
  readonly maxUndecided: number;
  /** Connections over which one node passes requests on to this one, and over which this one does to all others. */
  readonly maxPerNode: number;
  /** Connections of probes for which clients have left no place. */
  readonly maxOperator: number;
}

const SHARE_MIN = 16;
/** Of the clients' connections. */
const SHARE = 1 / 4;

export function connectionCaps({ maxConnections }: NodeConfig["http"]): ConnectionCaps {
  const share = Math.max(SHARE_MIN, Math.ceil(SHARE * maxConnections));
  return {
    maxUndecided: Math.min(fixed.UNDECIDED_CONNECTIONS_MAX, share),
    maxPerNode: Math.min(fixed.FORWARD_SOCKETS_MAX, share),
    maxOperator: fixed.OPERATOR_CONNECTIONS_MAX,
  };
}
