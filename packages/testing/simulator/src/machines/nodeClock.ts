import { WatchedStampClock } from "@annals/check";
import type { Random } from "@annals/kit";
import type { StampClock } from "@annals/replica";
import { compareClocks } from "./compareClocks.ts";
import { WallClock } from "./wallClock.ts";
import type { Cluster } from "../world/cluster.ts";
import type { Host, MachineClock } from "../world/machine.ts";

/** Milliseconds since 1970 at which every simulation begins. */
const EPOCH_MS = 1_700_000_000_000;
/** Between two comparisons of the clocks. */
const COMPARE_EVERY_US = 1_000_000;
const MAX_SKEW_MS = 5000;
/** What a clock showed counts with the others for so long: until then it may as well be wrong yet. */
const REMEMBERED_US = 10_000_000;

/** The wall clock of a machine, and what the process on it makes of it and of the clocks of others. */
export class NodeClock implements MachineClock {
  readonly #node: Host;
  readonly #world: Cluster;
  readonly #wall: WallClock;
  readonly random: Random;
  #compareAtUs = 0;
  #wrongUntilUs = -Infinity;
  /** What all replicas of the process are told the time by. */
  stamps: StampClock;

  constructor(node: Host, world: Cluster) {
    this.#node = node;
    this.#world = world;
    this.random = world.random(50_000 + node.id);
    this.#wall = new WallClock(() => world.scheduler.nowUs, this.random);
    this.stamps = this.#makeStamps();
  }

  get right(): boolean {
    return this.#wall.right;
  }

  /** It is right, and nobody remembers that it ever was not. */
  get trusted(): boolean {
    return this.right && this.#world.scheduler.nowUs >= this.#wrongUntilUs + REMEMBERED_US;
  }

  wallTime(): number {
    return Math.floor(this.#trueTime + this.#wall.skewMs);
  }

  get #trueTime(): number {
    return EPOCH_MS + this.#world.scheduler.nowUs / 1000;
  }

  /** The process has started, and knows of no clock yet. */
  begin(): void {
    this.stamps = this.#makeStamps();
    this.#compareAtUs = 0;
  }

  tick(nowUs: number): void {
    if (nowUs < this.#compareAtUs) return;
    this.#compareAtUs = nowUs + COMPARE_EVERY_US;
    compareClocks(this.#node, this.#world);
  }

  /** It goes wrong for a while. In most seeds no other one is wrong meanwhile. */
  disturb(random: Random, forUs: number): void {
    const { plan, nodes, scheduler } = this.#world;
    const mayGoWrong = nodes.every(({ clock }) => (clock === this ? this.right : clock.trusted));
    if (plan.oneClockWrong && !mayGoWrong) return;
    this.#wall.disturb(random);
    scheduler.after(forUs, () => this.set());
  }

  set(): void {
    if (!this.right) this.#wrongUntilUs = this.#world.scheduler.nowUs;
    this.#wall.set();
  }

  #makeStamps(): StampClock {
    const { scheduler, plan, trueTime } = this.#world;
    const clock = { now: () => scheduler.nowUs / 1000, wallTime: () => this.wallTime() };
    const options = { clock, maxSkewMs: MAX_SKEW_MS, hasPeers: plan.nodes > 1 };
    return new WatchedStampClock(options, (stamp, last) => {
      if (plan.oneClockWrong && plan.nodes > 1)
        trueTime.stamped(`n${this.#node.id}`, stamp, last, this.#trueTime);
    });
  }
}
