import type { Socket } from "node:net";
import type { Gauge } from "@annals/flow";

/**
 * Connections whose first head is not here yet, so that nobody knows whether a client, a node or a probe is at the other end. At the cap
 * the oldest one of the address that has most gives way to a new one: silence takes no place from whoever speaks.
 */
export class UndecidedConnections {
  readonly #open: Gauge;
  /** By block of addresses; the oldest of each first. */
  readonly #byBlock = new Map<string, Set<Socket>>();

  constructor(open: Gauge) {
    this.#open = open;
  }

  /** Returns the connection that has to go, if one has to. */
  add(socket: Socket, block: string): Socket | undefined {
    const given = this.#open.current < this.#open.cap ? undefined : this.#takeOldest();
    const same = this.#byBlock.get(block) ?? new Set();
    this.#byBlock.set(block, same.add(socket));
    this.#open.add(1);
    return given;
  }

  /** Does nothing for one that has given way already. */
  remove(socket: Socket, block: string): void {
    const same = this.#byBlock.get(block);
    if (same?.delete(socket) !== true) return;
    if (same.size === 0) this.#byBlock.delete(block);
    this.#open.remove(1);
  }

  #takeOldest(): Socket | undefined {
    let most: readonly [string, Set<Socket>] | undefined;
    for (const entry of this.#byBlock) if (entry[1].size > (most?.[1].size ?? 0)) most = entry;
    if (most === undefined) return undefined;
    const [block, sockets] = most;
    const [oldest] = sockets;
    if (oldest !== undefined) this.remove(oldest, block);
    return oldest;
  }
}
