import type { Random } from "@annals/kit";
import { soundLeaders } from "./soundLeaders.ts";
import type { Log } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

/** How often it is looked whether it is time for something, and how many times that is in an election timeout. */
const LOOKS = 40;
const LOOKS_OF_ELECTION = 4;
/** Longer than an election takes, as a rule: what the successor sends finds the writes of the old leader still in the air. */
const STALL_ELECTIONS = 8;

/**
 * The disk of a leader hangs, and at once, or when the others have committed what it has not stored itself, it is cut off with as many of
 * them as are no quorum, until the rest has gone on under another leader. That one's entries then meet writes that are in the air or wait
 * behind them.
 */
export class HungLeader {
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
    const { network } = this.#log.world;
    const [leader] = soundLeaders(this.#log);
    if (leader !== undefined && !network.partition.active) this.#hang(leader);
    else if (looks > 0) this.#soon(() => this.strike(looks - 1));
  }

  #hang(leader: Member): void {
    const { journal, scheduler, inService } = this.#log.world;
    journal.note("hungLeader", leader.node, this.#log.number, 1);
    leader.host.stallDisk(STALL_ELECTIONS * this.#electionUs);
    const { place } = leader.host;
    const others = inService.map((node) => node.place).filter((other) => other !== place);
    const shuffled = this.#random.shuffled(others);
    // What hangs first is known to the others when they are cut off later. A node that is silent for an election timeout loses them anyway.
    const afterUs = this.#random.chance(0.5) ? this.#random.below(this.#electionUs / 2) : 0;
    scheduler.after(afterUs, () => this.#cutOff(leader, shuffled));
  }

  #cutOff(leader: Member, others: readonly number[]): void {
    const { network } = this.#log.world;
    if (this.#isOver() || network.partition.active || others.length < 2) return;
    const companions = Math.floor(others.length / 2) - 1;
    const { place } = leader.host;
    const cutOff = [place, ...others.slice(0, companions)];
    // A node whose disk hangs answers nobody, and who is not answered sends no more entries: what the successor sent at first must be kept.
    network.partition.separate(cutOff, others.slice(companions), this.#random.chance(0.8));
    this.#watch(leader, LOOKS);
  }

  /** Until the others have committed in a later term. */
  #watch(leader: Member, looks: number): void {
    const { network, journal } = this.#log.world;
    this.#soon(() => {
      if (this.#isOver()) return;
      const { committed, replicas } = this.#log;
      const term = leader.durable.hardState.term;
      const isSucceeded =
        committed.count > leader.durable.stored.count &&
        replicas.some((one) => one !== leader && one.up && (one.raft?.term ?? 0) > term);
      if (!isSucceeded && looks > 0) {
        this.#watch(leader, looks - 1);
        return;
      }
      journal.note("heal", 0, 0, 0);
      network.mend();
    });
  }

  #soon(action: () => void): void {
    const { scheduler } = this.#log.world;
    scheduler.after(Math.ceil(this.#electionUs / LOOKS_OF_ELECTION), action);
  }
}
