import type { Outcome } from "./outcome.ts";

/** Told what became of the request in a slot; the slot is free again. */
export type OnSettled = (slot: number, outcome: Outcome) => void;

/**
 * Some connections to a cluster with a number of slots, each of which holds one request that is on its way. A request that is sent is
 * settled once, whatever happens; while there is no connection it waits in its slot.
 */
export interface Carrier {
  readonly slots: number;
  /** Connects. Rejects when no node can be reached. */
  open(onSettled: OnSettled): Promise<void>;
  /** Sends the next request. The slot must be free. */
  send(slot: number): void;
  /** What is on its way is settled as unknown. Idempotent. */
  close(): Promise<void>;
}
