/**
 * Bytes from which a buffer moves to the other thread. A transfer costs both threads a fixed price,
 * which is about that of copying one page of memory: less is cheaper to copy.
 */
export const MOVED_BYTES_MIN = 4096;

/**
 * Largest body of an append that is copied although it is worth a transfer. A copy leaves the body
 * with its sender, which may still pass it on when the leader turns out to be on another node. Of a
 * larger one there is no second copy: it moves, and its client has to send it again then.
 */
export const COPIED_BYTES_MAX: number = 32 * 1024;

/**
 * How the body of an append crosses to a worker: `packed` into the one buffer of its turn, beside
 * its neighbours; `copied` into a buffer of its own, which moves; or `moved` itself.
 */
export type Crossing = "packed" | "copied" | "moved";

/** Chooses how a body of so many bytes crosses. */
export function crossingOf(size: number): Crossing {
  if (size < MOVED_BYTES_MIN) return "packed";
  return size <= COPIED_BYTES_MAX ? "copied" : "moved";
}
