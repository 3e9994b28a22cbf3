import { asMemberId, type MembershipChange, type MembershipOp } from "../../src/types.ts";
import { type Message } from "../../src/message.ts";
import { type RaftConfig } from "../../src/config.ts";
import { assert, Checkers } from "./checkers.ts";
import { type Canary, ClusterMember } from "./clusterMember.ts";
import { CONFIG, membershipOf } from "./member.ts";
import { Random } from "./random.ts";

const MEMBERS = 5;
const VOTERS = [1, 2, 3];
const IN_FLIGHT_MAX = 400;
const HEAL_ROUNDS_MAX = 4_000;

/**
 * A cluster driven by one seed: the network loses, repeats and reorders, disks finish when they like, members crash and lose what was not
 * durable, memberships change, logs are compacted. Five members exist, three of them are voters at the beginning.
 */
export class RandomCluster {
  readonly #random: Random;
  readonly #members: readonly ClusterMember[];
  readonly #checkers: Checkers;
  #inFlight: Message[] = [];
  #contexts = 0;
  #proposals = 0;

  constructor(seed: number, canary: Canary = "none") {
    const random = new Random(seed);
    this.#random = random;
    const shared = randomConfig(random);
    this.#members = Array.from({ length: MEMBERS }, (_, i) => {
      const id = asMemberId(i + 1);
      const config = { ...shared, id, randomBelow: (n: number) => random.below(n) };
      return new ClusterMember(config, membershipOf(VOTERS), canary);
    });
    this.#checkers = new Checkers(this.#members);
  }

  get committed(): number {
    return this.#checkers.maxCommitted;
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      this.#step();
      if (step % 64 === 0) this.#checkers.checkLogs();
    }
  }

  /** All faults end: the cluster must come to one leader, leave joint configurations, and commit something new everywhere. */
  heal(): void {
    const target = this.committed + 1;
    for (let round = 0; round < HEAL_ROUNDS_MAX; round += 1) {
      for (const member of this.#members) member.core.tick();
      this.#settle();
      const leader = this.#leader();
      if (leader === undefined) continue;
      const { membership, commitIndex, progress } = leader.core.status();
      for (const { member, state } of progress) {
        if (state === "snapshot") leader.core.reportSnapshot(member, false);
      }
      if (membership.votersOutgoing.length > 0) {
        if (!membership.autoLeave) leader.core.proposeMembership(changeOf([], "auto"));
        continue;
      }
      const caughtUp = progress.every(({ matchIndex }) => matchIndex >= target);
      if (commitIndex >= target && caughtUp) {
        this.#checkers.checkLogs();
        return;
      }
      if (commitIndex < target) this.#propose(leader);
    }
    assert(
      false,
      `no progress to ${target} in ${HEAL_ROUNDS_MAX} rounds after healing\n${this.describe()}`,
    );
  }

  /** One line a member. */
  describe(): string {
    return this.#members.map(({ core }) => JSON.stringify(core.status())).join("\n");
  }

  #step(): void {
    const random = this.#random;
    const member = random.pick(this.#members);
    const dice = random.below(1_000);
    if (dice < 500) this.#deliver();
    else if (dice < 700) this.#send(member.finishWrite());
    else if (dice < 800) this.#apply(member);
    else if (dice < 880) member.core.tick();
    else if (dice < 950) this.#propose(member);
    else if (dice < 970) this.#read(member);
    else if (dice < 978) member.core.transferLeadership(random.pick(this.#members).id);
    else if (dice < 986) this.#changeMembership(member);
    else if (dice < 990) this.#compact(member);
    else if (dice < 993) member.core.reportUnreachable(random.pick(this.#members).id);
    else if (dice < 995) member.core.campaign();
    else if (dice < 997)
      member.core.reportSnapshot(random.pick(this.#members).id, random.chance(0.5));
    else this.#crash(member);
    this.#collect(member);
  }

  #collect(member: ClusterMember): void {
    this.#checkers.check(member);
    // Sometimes several events share one drain, as they do within one turn of an event loop.
    if (this.#random.chance(0.3)) return;
    const { messages, reads } = member.drain();
    for (const read of reads) this.#checkers.answered(read);
    this.#send(messages);
  }

  #send(messages: readonly Message[]): void {
    const random = this.#random;
    for (const message of messages) {
      if (random.chance(0.05)) continue;
      this.#inFlight.push(message);
      if (random.chance(0.05)) this.#inFlight.push(message);
    }
    while (this.#inFlight.length > IN_FLIGHT_MAX) this.#inFlight.shift();
  }

  #deliver(): void {
    if (this.#inFlight.length === 0) return;
    // Mostly in order, sometimes not.
    const at = this.#random.chance(0.7) ? 0 : this.#random.below(this.#inFlight.length);
    const [message] = this.#inFlight.splice(at, 1);
    const member = this.#members.find(({ id }) => id === message?.to);
    if (message === undefined || member === undefined) return;
    const outcome = member.core.step(message);
    assert(
      outcome.kind === "ok" || outcome.reason !== "malformed",
      `a core refused as malformed what another sent: ${message.kind}`,
    );
    this.#collect(member);
  }

  #apply(member: ClusterMember): void {
    member.applyOne((index, term) => this.#checkers.applied(member, index, term));
  }

  #propose(member: ClusterMember): void {
    this.#proposals += 1;
    const data = new TextEncoder().encode(
      `${this.#proposals}:${"x".repeat(this.#random.below(40))}`,
    );
    member.core.propose([{ kind: "records", data }]);
  }

  #read(member: ClusterMember): void {
    this.#contexts += 1;
    this.#checkers.asked(this.#contexts);
    member.core.readIndex(this.#contexts);
  }

  #changeMembership(member: ClusterMember): void {
    const random = this.#random;
    const steps = 1 + random.below(3);
    const ops: readonly MembershipOp[] = ["addVoter", "addVoter", "addLearner", "remove"];
    const list = Array.from({ length: steps }, () => ({
      op: random.pick(ops),
      member: random.pick(this.#members).id,
    }));
    const { membership } = member.core.status();
    const joint = membership.votersOutgoing.length > 0;
    const transition = random.pick(["auto", "jointImplicit", "jointExplicit"] as const);
    const change = joint ? changeOf([], "auto") : changeOf(list, transition);
    // Some of these cannot be made, such as the removal of all voters: the leader must see to it that they are not.
    member.core.proposeMembership(change);
  }

  #compact(member: ClusterMember): void {
    // Applying has to have caught up: what is handed out for applying is read from storage.
    if (member.applying === 0) member.compact();
  }

  #crash(member: ClusterMember): void {
    member.crash(this.#random.below(member.writing + 1));
    this.#checkers.forget(member);
  }

  #settle(): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const member of this.#members) {
        const { messages, reads } = member.drain();
        for (const read of reads) this.#checkers.answered(read);
        this.#inFlight.push(...messages);
        while (member.writing > 0) {
          this.#inFlight.push(...member.finishWrite());
          this.#checkers.check(member);
        }
        while (member.applying > 0) {
          this.#apply(member);
          this.#checkers.check(member);
        }
      }
      for (const message of this.#inFlight.splice(0)) {
        busy = true;
        const member = this.#members.find(({ id }) => id === message.to);
        member?.core.step(message);
        if (member !== undefined) this.#checkers.check(member);
      }
    }
  }

  #leader(): ClusterMember | undefined {
    const leading = this.#members.filter(({ core }) => core.role === "leader");
    return leading.toSorted((a, b) => b.core.term - a.core.term)[0];
  }
}

function changeOf(
  steps: MembershipChange["steps"],
  transition: MembershipChange["transition"],
): MembershipChange {
  return { format: 2, transition, steps, context: new Uint8Array(0) };
}

function randomConfig(random: Random): Omit<RaftConfig, "id" | "randomBelow"> {
  const checkQuorum = random.chance(0.6);
  return {
    ...CONFIG,
    electionTicks: 6,
    preVote: random.chance(0.6),
    checkQuorum,
    maxAppendEntries: random.pick([1, 2, 64]),
    maxAppendBytes: random.pick([0, 100, 10_000]),
    maxInflightMessages: random.pick([1, 3, 256]),
    maxCommittedBytes: random.pick([40, 1_000_000]),
    maxUncommittedBytes: random.pick([0, 300]),
    // A removed leader that goes on leading is a known way to get stuck; production never allows it.
    stepDownOnRemoval: true,
  };
}
