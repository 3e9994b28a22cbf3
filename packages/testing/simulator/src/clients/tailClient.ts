import { asSeq, decodeBatchHeader } from "@annals/record";
import type { BatchHeader } from "@annals/record";
import type { TailPosition } from "@annals/check";
import type { Random } from "@annals/kit";
import type { TailConsumer, Log } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

const GRACE_TICKS = 8;
/** How long a wait for the next record lasts before the consumer looks again, perhaps at another node. */
const TIMEOUTS_MS = [200, 1000, 3000] as const;

/** Between two entries once everything is healed. */
const CATCH_UP_US = 100;

/**
 * A consumer that follows a log: it reads entry by entry, waits for what is not there yet, stalls when told to, and goes on where it was at
 * whatever node it finds.
 */
export class TailClient implements TailConsumer {
  readonly #log: Log;
  readonly #random: Random;
  readonly #position: TailPosition = { nextSeq: 1 };
  #stalledUntilUs = 0;
  #stopped = false;

  constructor(log: Log, random: Random) {
    this.#log = log;
    this.#random = random;
    this.#comeBack();
  }

  /** The consumer stops reading. */
  stallFor(us: number): void {
    this.#stalledUntilUs = this.#log.world.scheduler.nowUs + us;
  }

  /** No stalls any more; it goes on to the end of the log. */
  stop(): void {
    this.#stopped = true;
    this.#stalledUntilUs = 0;
  }

  /** Whether it has still something to read. */
  get openRequests(): number {
    return this.#stopped && this.#position.nextSeq > this.#log.committed.lastSeq ? 0 : 1;
  }

  #comeBack(): void {
    const { scheduler, inService, leaving } = this.#log.world;
    // In the end all must be read, and who was taken out of the cluster does not hear of it.
    const hosts = this.#stopped ? inService.filter(({ id }) => !leaving.has(id)) : inService;
    const afterUs = Math.max(0, this.#stalledUntilUs - scheduler.nowUs);
    scheduler.after(afterUs + 1 + this.#random.below(20_000), () => {
      const { id } = this.#random.pick(hosts);
      const target = this.#log.replicas[id - 1];
      if (target === undefined || !canServe(target)) this.#comeBack();
      else this.#follow(target, target.life);
    });
  }

  #follow(target: Member, life: number): void {
    const { scheduler, plan } = this.#log.world;
    const stalled = scheduler.nowUs < this.#stalledUntilUs;
    if (stalled || target.life !== life || !canServe(target)) {
      this.#comeBack();
      return;
    }
    if ((target.replica?.appliedSeq ?? 0) < this.#position.nextSeq) {
      this.#wait(target, life);
      return;
    }
    if (!this.#read(target)) {
      this.#comeBack();
      return;
    }
    // A consumer that is far behind must not be what the end of a run waits for.
    const paceUs = this.#stopped ? CATCH_UP_US : plan.latencyUs.mean;
    scheduler.after(1 + this.#random.below(paceUs), () => this.#follow(target, life));
  }

  /** Everything of one entry that is not yet seen; false if the node cannot read it. */
  #read(target: Member): boolean {
    const { tails, world } = this.#log;
    const { nextSeq } = this.#position;
    const found = target.readSeq(nextSeq);
    if (found === undefined) return false;
    const header = headerOf(found.entry.data);
    if (header === undefined) {
      world.report("tails see the log", `n${target.node} shows what is no batch at seq ${nextSeq}`);
      return false;
    }
    const { firstSeq, count } = header;
    const lastSeq = firstSeq + count - 1;
    world.journal.note("tailed", target.node, target.log, lastSeq);
    tails.shown(target, this.#position, { firstSeq: Math.max(firstSeq, nextSeq), lastSeq }, found);
    return true;
  }

  #wait(target: Member, life: number): void {
    const { world } = this.#log;
    const timeoutMs = this.#random.pick(TIMEOUTS_MS);
    const begunUs = world.scheduler.nowUs;
    let settled = false;
    const goOn = (): void => {
      if (settled) return;
      settled = true;
      if ((target.replica?.appliedSeq ?? 0) >= this.#position.nextSeq) this.#follow(target, life);
      else this.#comeBack();
    };
    target.replica?.waitForSeq(asSeq(this.#position.nextSeq), timeoutMs).then(goOn, goOn);
    const graceMs = GRACE_TICKS * world.plan.config.tickMs;
    world.scheduler.after((timeoutMs + graceMs) * 1000, () => {
      if (!settled && target.up && target.life === life && target.host.lastHeldUs < begunUs)
        world.report("requests are answered", `a tail at n${target.node} is not woken in time`);
      goOn();
    });
  }
}

function headerOf(data: Uint8Array): BatchHeader | undefined {
  try {
    return decodeBatchHeader(data);
  } catch {
    // Whatever it is, it is not what was appended.
    return undefined;
  }
}

function canServe({ up, host, failure, closing }: Member): boolean {
  return up && !host.frozen && failure === undefined && !closing;
}
