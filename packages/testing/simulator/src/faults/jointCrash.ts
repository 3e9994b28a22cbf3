import { CYCLE_STEPS } from "@annals/kit";
import type { Random } from "@annals/kit";
import type { Log } from "../world/log.ts";

/** Joint configurations in which it strikes: one may be left before its leader dies. */
const ATTEMPTS = 3;

/**
 * A leader dies while a joint configuration is in force: soon after some follower has applied one, so that the next leader is elected by
 * two majorities. It takes a change of members for that, which is made elsewhere.
 */
export class JointCrash {
  readonly #log: Log;
  readonly #random: Random;
  readonly #electionUs: number;
  readonly #isOver: () => boolean;

  /** `isOver`: no fault strikes any more. */
  constructor(log: Log, random: Random, electionUs: number, isOver: () => boolean) {
    this.#log = log;
    this.#random = random;
    this.#electionUs = electionUs;
    this.#isOver = isOver;
  }

  strike(attempts: number = ATTEMPTS): void {
    const { rareStates, world } = this.#log;
    rareStates.whenJoint((node) => {
      // Not within the turn that brings it about; sometimes others hear of it, too.
      world.scheduler.after(1 + this.#random.below(world.plan.latencyUs.mean), () => {
        if (this.#isOver()) return;
        this.#crash(node);
        if (attempts > 1) this.strike(attempts - 1);
      });
    });
  }

  #crash(first: number): void {
    const { replicas, world } = this.#log;
    const leaders = replicas.filter(({ replica, host }) => {
      return replica?.role === "leader" && world.inService.includes(host) && !host.frozen;
    });
    for (const leader of leaders) {
      world.journal.note("jointCrash", leader.node, this.#log.number, first);
      leader.host.crashFor(
        this.#random.below(2 * this.#electionUs),
        this.#random.pick(CYCLE_STEPS),
      );
    }
  }
}
