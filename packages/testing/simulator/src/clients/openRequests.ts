import type { Numbers } from "../world/cluster.ts";
import type { Member } from "../world/machine.ts";
import type { Surroundings } from "../world/surroundings.ts";

const LOOK_AFTER_US = 500_000;

/** What a client has asked and has no answer to. Nothing has a deadline here, so it looks whether the replica that it asked still lives. */
export class OpenRequests {
  readonly #world: Surroundings & Numbers;
  readonly #numbers = new Set<number>();

  constructor(world: Surroundings & Numbers) {
    this.#world = world;
  }

  get size(): number {
    return this.#numbers.size;
  }

  /** The number of a request that goes to `target` now. */
  open(target: Member): number {
    const number = this.#world.nextRequest();
    this.#numbers.add(number);
    this.#world.journal.note("command", target.node, target.log, number);
    this.#lookLater(number, target, target.life);
    return number;
  }

  /** False when it was given up before. */
  close(number: number): boolean {
    return this.#numbers.delete(number);
  }

  #lookLater(number: number, target: Member, life: number): void {
    this.#world.scheduler.after(LOOK_AFTER_US, () => {
      if (!this.#numbers.has(number)) return;
      const { host } = target;
      if (target.up && target.life === life && !host.dead) this.#lookLater(number, target, life);
      else this.#numbers.delete(number);
    });
  }
}
