import type { Random } from "@annals/kit";
import type { Replica } from "@annals/replica";
import { Pace } from "./pace.ts";
import type { Log, Reader } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

const GRACE_TICKS = 8;

/** Reads one log at any node, linearizably or what is there, and follows its end. */
export class ReadClient implements Reader {
  readonly #log: Log;
  readonly #random: Random;
  readonly #pace: Pace;
  #open = 0;

  constructor(log: Log, random: Random) {
    this.#log = log;
    this.#random = random;
    this.#pace = new Pace(log, random, 1, () => this.#step());
    this.#pace.next();
  }

  stop(): void {
    this.#pace.stop();
  }

  get openRequests(): number {
    return this.#open;
  }

  /** Reads linearizably at this replica now, however many reads are open. */
  ask(target: Member): void {
    const replica = serving(target);
    if (replica !== undefined && !this.#pace.stopped) this.#linearizable(target, replica);
  }

  #step(): void {
    this.#pace.next();
    const target = this.#chooseReplica();
    const replica = serving(target);
    if (replica === undefined) return;
    if (this.#random.chance(0.4)) this.#showSome(target, replica);
    else if (this.#open < 4) this.#linearizable(target, replica);
  }

  /** Any replica, often one that takes itself for the leader: the reads of a deposed one are what must not be stale. */
  #chooseReplica(): Member {
    const { replicas } = this.#log;
    const leading = replicas.filter(({ replica }) => replica?.role === "leader");
    const [oldest] = leading.toSorted((a, b) => termOf(a) - termOf(b));
    if (leading.length > 1 && oldest !== undefined && this.#random.chance(0.8)) return oldest;
    return this.#random.pick(leading.length > 0 && this.#random.chance(0.5) ? leading : replicas);
  }

  #linearizable(target: Member, replica: Replica): void {
    const { world, reads, number } = this.#log;
    const timeoutMs = this.#random.pick([200, 1000, 3000]);
    if (isDeposed(target, this.#log)) this.#log.rareStates.readOfDeposed(target.node);
    const floor = reads.begin();
    const begunUs = world.scheduler.nowUs;
    const { life } = target;
    let settled = false;
    const settle = (): void => {
      if (!settled) this.#open--;
      settled = true;
    };
    this.#open++;
    const barrier = world.mutant?.readBarrier ?? barrierOf;
    barrier(replica, timeoutMs).then(() => {
      settle();
      if (target.life !== life || !target.up || target.closing || target.failure !== undefined)
        return;
      world.journal.note("read", target.node, number, replica.appliedSeq);
      reads.linearizable(target, floor, replica.appliedSeq);
      this.#showSome(target, replica);
    }, settle);
    const graceMs = GRACE_TICKS * world.plan.config.tickMs;
    world.scheduler.after((timeoutMs + graceMs) * 1000, () => {
      if (!settled && target.up && target.life === life && target.host.lastHeldUs < begunUs)
        world.report("requests are answered", `a read at n${target.node} has no answer in time`);
      settle();
    });
  }

  /** Looks at the last record and at some other. */
  #showSome(target: Member, replica: Replica): void {
    const { world, reads, number } = this.#log;
    const last = replica.appliedSeq;
    if (last === 0) return;
    world.journal.note("localRead", target.node, number, last);
    for (const seq of [last, 1 + this.#random.below(last)]) {
      const found = target.readSeq(seq);
      if (found !== undefined) reads.shown(target, seq, found);
    }
  }
}

function serving({ replica, host, failure, closing }: Member): Replica | undefined {
  return host.frozen || failure !== undefined || closing ? undefined : replica;
}

function isDeposed(target: Member, { replicas }: Log): boolean {
  if (target.replica?.role !== "leader") return false;
  const term = termOf(target);
  return replicas.some((other) => other.replica?.role === "leader" && termOf(other) > term);
}

function termOf({ raft }: Member): number {
  return raft?.term ?? Infinity;
}

function barrierOf(replica: Replica, timeoutMs: number): Promise<void> {
  return replica.readBarrier(timeoutMs);
}
