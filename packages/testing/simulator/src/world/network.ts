import type { Random } from "@annals/kit";
import type { MemberId, Message } from "@annals/raft";
import type { ChanceFault } from "./faultKinds.ts";
import { Partition } from "./partition.ts";
import type { Machines, Member } from "./machine.ts";
import type { Planted } from "./mutant.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Plan } from "./plan.ts";

/** Frames that a cut keeps back at most. */
const HELD_MAX = 500;

/**
 * Carries frames from replica to replica. Frames between two replicas keep their order, as on a TCP connection, unless this one is
 * reordered; any may be lost, delayed or come twice.
 */
export class Network {
  readonly partition: Partition;
  readonly #world: Surroundings & Machines & Planted;
  readonly #random: Random;
  readonly #lastArrivalUs = new Map<number, number>();
  /** Frames that a cut keeps back. */
  #held: (() => void)[] = [];
  #chances: Plan["chances"];

  constructor(world: Surroundings & Machines & Planted) {
    this.#world = world;
    this.#random = world.random(2);
    this.#chances = world.plan.chances;
    this.partition = new Partition();
  }

  /** The partition is over: what connections have kept arrives now. */
  mend(): void {
    this.partition.heal();
    for (const carry of this.#held.splice(0)) carry();
  }

  /** From now on nothing happens to frames but a delay. */
  heal(): void {
    this.mend();
    this.#chances = new Map();
  }

  /** How likely a fault of frames, answers or blobs strikes now. */
  chanceOf(fault: ChanceFault): number {
    return this.#chances.get(fault) ?? 0;
  }

  /** Whether these machines have a connection both ways at present. */
  connects(one: number, other: number): boolean {
    const [a, b] = [this.#world.nodes[one - 1], this.#world.nodes[other - 1]];
    if (a === undefined || b === undefined || !a.up || !b.up || a.frozen || b.frozen) return false;
    const { partition } = this;
    return !partition.isCut(a.place, b.place) && !partition.isCut(b.place, a.place);
  }

  send(from: Member, to: MemberId, messages: readonly Message[]): void {
    const { journal } = this.#world;
    const target = this.#world.replica(from.log, to);
    if (this.#refused(from, target)) return;
    if (this.partition.isCut(from.host.place, target.host.place)) {
      journal.note("cutLoss", from.node, from.log, to);
      // As a TCP connection that outlives the cut: its buffer is what fits.
      if (this.partition.holds && this.#held.length < HELD_MAX)
        this.#held.push(() => this.#carry(from, target, messages));
      if (this.#random.chance(0.1)) this.#unreachable(from, to);
      return;
    }
    if (this.#random.chance(this.#chances.get("loss") ?? 0)) {
      journal.note("loss", from.node, from.log, to);
      return;
    }
    this.#carry(from, target, messages);
    if (this.#random.chance(this.#chances.get("duplicate") ?? 0)) {
      journal.note("duplicate", from.node, from.log, to);
      this.#carry(from, target, messages);
    }
  }

  /** Whether a fault of frames or pages strikes this one. */
  strikes(fault: ChanceFault): boolean {
    return this.#random.chance(this.chanceOf(fault));
  }

  /** In which way a page is wrong. */
  drawWrong(): number {
    return this.#random.below(2 ** 31);
  }

  /** A frame on a link of its own, beside those of the replicas: the process at the other end gets it, unless it is lost on the way. */
  sendAside(from: Member, target: Member, arrive: () => void): void {
    const { journal, scheduler, plan } = this.#world;
    const { host } = target;
    const isCut = (): boolean =>
      this.#refused(from, target) || this.partition.isCut(from.host.place, host.place);
    const lost = this.strikes("loss");
    if (lost) journal.note("loss", from.node, from.log, target.node);
    if (lost || isCut()) return;
    const { least, mean } = plan.latencyUs;
    scheduler.after(least + this.#random.exponential(mean), () => {
      if (!isCut()) host.run(host.life, arrive);
    });
  }

  #carry(from: Member, target: Member, messages: readonly Message[]): void {
    const { scheduler, journal, plan } = this.#world;
    const { least, mean } = plan.latencyUs;
    const link = (from.log * 256 + from.node) * 256 + target.node;
    let arrivesUs = scheduler.nowUs + least + this.#random.exponential(mean);
    if (this.#random.chance(this.#chances.get("reorder") ?? 0)) {
      journal.note("reorder", from.node, from.log, target.node);
      // Now and then for so long that it comes after an election.
      const { tickMs, electionTicks } = plan.config;
      const longestUs = this.#random.chance(0.02) ? 4000 * tickMs * electionTicks : 20 * mean;
      arrivesUs += this.#random.below(longestUs);
    } else {
      arrivesUs = Math.max(arrivesUs, this.#lastArrivalUs.get(link) ?? 0);
      this.#lastArrivalUs.set(link, arrivesUs);
    }
    scheduler.at(arrivesUs, () => this.#arrive(from, target, messages));
  }

  #arrive(from: Member, target: Member, messages: readonly Message[]): void {
    const { journal } = this.#world;
    if (this.#refused(from, target)) return;
    // What is past the cut already arrives, late as it may be, unless connections break with it.
    const broken = !this.partition.holds;
    if (broken && this.partition.isCut(from.host.place, target.host.place)) {
      journal.note("cutLoss", from.node, from.log, target.node);
      return;
    }
    const { host } = target;
    host.run(host.life, () => {
      const heeded =
        target.histories.verdict.heeds(from.id) || this.#world.mutant?.heedsEverybody === true;
      if (!heeded) return;
      journal.note("deliver", target.node, target.log, from.node * 1024 + messages.length, () => {
        return `from n${from.node}: ${messages.map(describeMessage).join(", ")}`;
      });
      target.receive(messages);
    });
  }

  /** Who knows that the other end was replaced refuses it, as the handshake does; a link that is open is closed. */
  #refused(from: Member, target: Member): boolean {
    const refused = target.host.roster.isRetired(from.id) || from.host.roster.isRetired(target.id);
    if (refused) this.#world.journal.note("retiredRefused", from.node, from.log, target.node);
    return refused;
  }

  #unreachable(from: Member, to: MemberId): void {
    const { life } = from.host;
    this.#world.scheduler.after(this.#random.below(10_000), () => {
      from.host.run(life, () => from.replica?.reportUnreachable(to));
    });
  }
}

function describeMessage(message: Message): string {
  const { kind, term } = message;
  switch (kind) {
    case "appendEntries":
      return `${kind}(t${term} ${message.prevLogTerm}/${message.prevLogIndex} +${message.entries.length} commit ${message.leaderCommit})`;
    case "appendEntriesResponse":
      return `${kind}(t${term} ${message.rejected ? "rejected " : ""}${message.index})`;
    case "requestVoteResponse":
    case "requestPreVoteResponse":
      return `${kind}(t${term} ${message.rejected ? "rejected" : "granted"})`;
    case "heartbeat":
    case "heartbeatResponse":
    case "requestVote":
    case "requestPreVote":
    case "installSnapshot":
    case "timeoutNow":
    case "readIndex":
    case "readIndexResponse":
    case "transferLeadership":
    case "propose":
    case "recovery":
      return `${kind}(t${term})`;
    case "recoveryResponse": {
      const { last, committed: commit, acknowledged: acked } = message;
      const known = `commit ${commit.term}/${commit.index} acked ${acked.term}/${acked.index}`;
      return `${kind}(t${term} last ${last.term}/${last.index} ${known})`;
    }
    default:
      return kind satisfies never;
  }
}
