import type { Random } from "@annals/kit";
import { asSeq } from "@annals/record";
import type { Seq } from "@annals/record";
import type { GroupDesk, LaneGrant } from "@annals/replica";
import { OpenRequests } from "./openRequests.ts";
import { Pace } from "./pace.ts";
import type { Log } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

const THINK_FACTOR = 2;
const LANES = 2;
const NAMES = ["first", "second"] as const;
/** Fewer than there may be clients: two that use one name take the lane from each other, each by a token of its own. */
const MEMBERS = ["one", "two"] as const;
/** What members feed: most of them the same, or hardly any would get a lane. */
const FEEDS = ["a", "a", "a", "b"] as const;

/**
 * A member of groups: takes lanes, moves positions, also back and with tokens that are not its own any more, dies and comes again, resets
 * and deletes; now and then it feeds another thing than the others. It must hear of every grant and commit what the log says, and gets
 * no lane of a holder that lives; whatever is refused is no affair of its.
 */
export class GroupClient {
  readonly #log: Log;
  readonly #random: Random;
  readonly #pace: Pace;
  readonly #open: OpenRequests;
  #held: { readonly name: string; readonly grant: LaneGrant } | undefined;

  constructor(log: Log, random: Random) {
    this.#log = log;
    this.#random = random;
    this.#open = new OpenRequests(log.world);
    this.#pace = new Pace(log, random, THINK_FACTOR, () => this.#step());
    this.#pace.next();
  }

  stop(): void {
    this.#pace.stop();
  }

  get openRequests(): number {
    return this.#open.size;
  }

  #step(): void {
    this.#pace.next();
    const leaders = this.#log.replicas.filter(({ replica }) => replica?.role === "leader");
    const target = leaders.length === 0 ? undefined : this.#random.pick(leaders);
    const { replica } = target ?? {};
    if (target === undefined || replica === undefined || target.host.frozen) return;
    const name = this.#random.pick(NAMES);
    const { groups, appliedSeq } = replica;
    const dice = this.#random.below(100);
    const position = asSeq(this.#below(appliedSeq));
    if (dice < 5) this.#ask(target, () => groups.reset(name, position));
    else if (dice < 6) this.#ask(target, () => groups.delete(name));
    else if (dice < 12) this.#create(target, groups, { name, position });
    // It dies, and knows nothing of its lane any more.
    else if (dice < 16) this.#held = undefined;
    else if (this.#held === undefined || dice < 30) this.#acquire(target, groups, name);
    else this.#useLane(target, groups, appliedSeq, this.#held);
  }

  #create(
    target: Member,
    groups: GroupDesk,
    at: { readonly name: string; readonly position: Seq },
  ): void {
    const group = { ...at, settings: "", lanes: LANES };
    this.#ask(target, () => groups.create(group));
  }

  #acquire(target: Member, groups: GroupDesk, name: string): void {
    const member = this.#random.pick(MEMBERS);
    const feeds = this.#random.pick(FEEDS);
    const lane = this.#random.chance(0.5) ? this.#random.below(LANES) : undefined;
    const by = leadership(target);
    const askedUs = this.#nowUs;
    this.#ask(
      target,
      () => groups.acquire(name, "", member, lane, feeds),
      (grant) => {
        this.#log.groups.granted(grant, by, askedUs);
        this.#log.holders.heard(grant.token, by, this.#nowUs);
        this.#held = { name, grant };
      },
    );
  }

  #useLane(
    target: Member,
    groups: GroupDesk,
    appliedSeq: number,
    { name, grant }: { readonly name: string; readonly grant: LaneGrant },
  ): void {
    const { lane, token } = grant;
    const dice = this.#random.below(10);
    const by = leadership(target);
    const askedUs = this.#nowUs;
    const heard = (): void => this.#log.holders.heard(token, by, askedUs);
    if (dice === 0) this.#ask(target, () => groups.release(name, lane, token));
    else if (dice < 4) this.#ask(target, async () => groups.renew(name, lane, token), heard);
    else {
      const position = asSeq(this.#below(appliedSeq));
      this.#ask(
        target,
        () => groups.commit(name, lane, token, position),
        (told) => {
          heard();
          this.#log.groups.acknowledged(grant, position, told);
        },
      );
    }
  }

  get #nowUs(): number {
    return this.#log.world.scheduler.nowUs;
  }

  /** Any seq of the log, most likely a late one. */
  #below(lastSeq: number): number {
    return lastSeq - Math.min(lastSeq, this.#random.exponential(5));
  }

  /** What is asked of a process that dies has no answer. */
  #ask<T>(target: Member, ask: () => Promise<T>, told: (answer: T) => void = () => {}) {
    const number = this.#open.open(target);
    ask().then(
      (answer) => {
        if (this.#open.close(number)) told(answer);
      },
      () => this.#open.close(number),
    );
  }
}

/** One leadership of one life of a replica: what it has heard of members is forgotten with it. */
function leadership({ node, life, raft }: Member): string {
  return `n${node} life ${life} term ${raft?.term}`;
}
