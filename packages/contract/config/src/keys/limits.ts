/**
 * The greatest legal values. Up to them everything is tried: beyond, the wire has no room, a timer wraps, or a queue is no bound any more.
 * A frame joins messages, and a page joins entries, so both stay well below what one of them may have.
 */
export const MEBIBYTE = 2 ** 20;
export const TEBIBYTE = 2 ** 40;

/** Bytes of one buffer, one frame or one value of the store. */
export const ONE_BUFFER = 256 * MEBIBYTE;
/** Bytes of a sum of such things, or of a file. */
export const SUM = 2 ** 40;
/** Milliseconds of a timer of Node, which takes 31 bits; a longer one would fire at once. */
export const TIMER_MS = 2 ** 31 - 1;
