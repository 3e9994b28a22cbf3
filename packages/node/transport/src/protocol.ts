/** Where a node accepts links from its peers. */
export const PEER_PATH = "/v1/peer";

/** WebSocket close codes of ours (RFC 6455 §7.4.2: 4000–4999 is private). The reason carries the named code. */
export const CLOSE_REFUSED = 4001;
export const CLOSE_PROTOCOL = 4002;
export const CLOSE_STALLED = 4003;

/** Why a link is down, for the log and the status. */
export interface LinkFault {
  /** `ERR_…`: one of docs/errors.md. */
  readonly code: string;
  readonly reason: string;
}

/** Code of a link that is down because the peer's machine refuses the connection: nobody listens there, its process has ended. */
export const PEER_GONE = "ERR_PEER_GONE";
