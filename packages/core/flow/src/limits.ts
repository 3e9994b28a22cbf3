/**
 * Fixed limits of a node: caps that no key sets. Each is enforced where it is used, and counted in the table of bounds and the memory
 * budget, which is why they stand here, below both.
 */

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** Bytes that a frame may need beyond the payload of its messages: headers, prev ids, msgpack lengths. */
export const FRAMING_BYTES: number = 64 * KIBIBYTE;
/** Bytes that a peer may send before its hello is accepted. */
export const HELLO_BYTES_MAX: number = 64 * KIBIBYTE;
/** A peer that has so many bytes of small frames unread has stopped: what comes then is dropped, or ends the link. */
export const BUFFERED_BYTES_MAX: number = MEBIBYTE;
/**
 * Frames received and not yet done with, of one link and of all links into a worker, before the sockets are paused: small ones cost more in
 * objects than in bytes. Far above what a leader that keeps to its credit leads to.
 */
export const LINK_FRAMES_MAX = 4096;
export const WORKER_FRAMES_MAX = 16_384;
/** Frames of a single read of the socket, which a pause cannot stop: 64 KiB of empty ones, of six bytes each. */
export const FRAMES_PER_READ: number = Math.ceil((64 * KIBIBYTE) / 6);

/** Links from all peers together; a further one is turned away. */
export const LINKS_MAX = 4_096;

/** Questions that a worker may have open; about as many as there are connections and subscriptions. */
export const QUESTIONS_MAX = 1_536;
/** Pages that a worker builds, or has built and not handed over, at a time. */
export const PAGES_MAX = 2;

/** Lossy messages, such as log lines, that may wait at one end of a lane. */
export const LOSSY_WAITING_MAX = 1000;
/** Messages of one link that may wait: its beginning, its end, its fault, and one reply. */
const MESSAGES_PER_LINK = 4;
/** Messages that may wait at one end of a lane: one per question, frame and log line, and some per link. */
export const LANE_WAITING_MAX: number =
  QUESTIONS_MAX + LOSSY_WAITING_MAX + WORKER_FRAMES_MAX + MESSAGES_PER_LINK * LINKS_MAX;

/** Sealed segments that are kept open: each costs a file descriptor and address space. On a read-only disk none is closed any more. */
export const OPEN_SEGMENTS_MAX = 16;

/** Bytes of a page; one larger record is still answered alone. */
export const PAGE_BYTES_MAX: number = 2 * MEBIBYTE;
/** Most records in one page. */
export const LIMIT_MAX = 10_000;

/** Producers that a log remembers. */
export const PRODUCERS_MAX = 10_000;
/** Groups of one log. Each has at most `LANES_MAX` lanes, so this bounds the table of groups. */
export const GROUPS_MAX = 256;

/** Samples kept of one peer's clock. */
export const CLOCK_SAMPLES_MAX = 8;
/** Peers whose clocks are kept; beyond, the one that was heard of least recently is forgotten. */
export const PEER_CLOCKS_MAX = 64;
