/** Where a node accepts links from its peers. */
export const PEER_PATH = "/v1/peer";

/** Bytes that a frame may need beyond the payload of its messages: headers, prev ids, msgpack lengths. */
export const FRAMING_BYTES: number = 64 * 1024;

/** A peer that has so many bytes of small frames unread has stopped: what comes then is dropped, or ends the link. */
export const BUFFERED_BYTES_MAX: number = 1024 * 1024;

/**
 * Frames received and not yet done with, of one link and of all links into a worker, before the sockets are paused: small ones cost more in
 * objects than in bytes. Far above what a leader that keeps to its credit leads to.
 */
export const LINK_FRAMES_MAX = 4096;
export const WORKER_FRAMES_MAX = 16_384;

/** Frames of a single read of the socket, which a pause cannot stop: 64 KiB of empty ones, of six bytes each. */
export const FRAMES_PER_READ: number = Math.ceil((64 * 1024) / 6);

/** Bytes that a peer may send before its hello is accepted. */
export const HELLO_BYTES_MAX: number = 64 * 1024;

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
