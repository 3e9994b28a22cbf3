import type { Random } from "@annals/kit";
import { soundLeaders } from "./soundLeaders.ts";
import type { Log } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

/** Questions before the cut, when the others have gone on, and last of all: each time so many. */
const QUESTIONS = 4;
/** A turn is over by then, and no frame has arrived. */
const TURN_US = 10;
/** How often it is looked whether it is time for something, and how many times that is in an election timeout. */
const LOOKS = 60;
const LOOKS_OF_ELECTION = 4;

/**
 * A leader is cut off together with as many of the others as are no quorum, until the rest has elected another one and gone on. It is asked
 * what is committed just before, so that what its followers answer is kept on the way until the cut is over; when the others have gone on,
 * since some of those that are with it may still believe it; and just before its end, so that what was kept comes first. Whoever answers
 * without a quorum, or takes one answer for another, then answers what is stale.
 */
export class CutLeader {
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

  /** Lies in wait until there is a leader and the network is whole. */
  strike(looks: number = LOOKS): void {
    if (this.#isOver()) return;
    const { scheduler, network } = this.#log.world;
    const leaders = soundLeaders(this.#log);
    if (!network.partition.active && leaders.length > 0) this.#cutOff(this.#random.pick(leaders));
    else if (looks > 0)
      scheduler.after(Math.ceil(this.#electionUs / LOOKS_OF_ELECTION), () =>
        this.strike(looks - 1),
      );
  }

  #cutOff(leader: Member): void {
    const { network, scheduler, journal, inService } = this.#log.world;
    const { place } = leader.host;
    const others = inService.map((node) => node.place).filter((other) => other !== place);
    const companions = Math.floor(others.length / 2) - 1;
    // Two nodes have no minority that the other one could go on without.
    if (others.length < 2) return;
    const shuffled = this.#random.shuffled(others);
    journal.note("cutLeader", leader.node, this.#log.number, companions);
    this.#ask(leader, QUESTIONS);
    scheduler.after(TURN_US, () => {
      if (this.#isOver() || network.partition.active) return;
      const cutOff = [place, ...shuffled.slice(0, companions)];
      network.partition.separate(cutOff, shuffled.slice(companions), this.#random.chance(0.7));
      this.#watch(leader, LOOKS, QUESTIONS);
    });
  }

  /** Until the others have gone on, and then some questions more. */
  #watch(leader: Member, looks: number, questions: number): void {
    const { network, scheduler, journal } = this.#log.world;
    scheduler.after(Math.ceil(this.#electionUs / LOOKS_OF_ELECTION), () => {
      if (this.#isOver()) return;
      const { replica } = leader;
      if (replica !== undefined && looks > 0 && questions > 0) {
        const isBehind = this.#log.committed.lastSeq > replica.appliedSeq;
        if (isBehind) this.#ask(leader, 1);
        this.#watch(leader, looks - 1, isBehind ? questions - 1 : questions);
        return;
      }
      this.#ask(leader, QUESTIONS);
      scheduler.after(TURN_US, () => {
        if (this.#isOver()) return;
        journal.note("heal", 0, 0, 0);
        network.mend();
      });
    });
  }

  #ask(leader: Member, times: number): void {
    const { readClients } = this.#log;
    if (readClients.length === 0) return;
    for (let k = 0; k < times; k++) this.#random.pick(readClients).ask(leader);
  }
}
