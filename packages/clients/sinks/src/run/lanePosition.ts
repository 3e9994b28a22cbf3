import type { LaneGrant } from "@annals/client";
import type { GroupLane, RunnerClock } from "./ports.ts";

const COMMIT_EVERY_MS = 1_000;
const IDLE_MS = 10_000;

/** Position of a held lane, which follows what is done with, about once a second. */
export class LanePosition {
  readonly #lane: GroupLane;
  readonly #grant: LaneGrant;
  readonly #clock: RunnerClock;
  /** Everything up to here is done with, also what belongs to other lanes. */
  #passed = 0;
  #committed: number;
  #triedMs: number;

  constructor(lane: GroupLane, grant: LaneGrant, clock: RunnerClock) {
    this.#lane = lane;
    this.#grant = grant;
    this.#clock = clock;
    this.#committed = grant.position;
    this.#triedMs = clock.now();
  }

  get passed(): number {
    return this.#passed;
  }

  /** Everything up to `seq` is done with. Never goes back. */
  pass(seq: number): void {
    this.#passed = Math.max(this.#passed, seq);
  }

  /** Milliseconds for which a reading may wait: not for long while a commit is owed. */
  get readWaitMs(): number {
    return this.#passed > this.#committed ? COMMIT_EVERY_MS : IDLE_MS;
  }

  get isDue(): boolean {
    return this.#clock.now() - this.#triedMs >= COMMIT_EVERY_MS;
  }

  /** Rejects with a `ClientError`; the position is then that of before. */
  async commit(signal: AbortSignal): Promise<void> {
    this.#triedMs = this.#clock.now();
    const position = this.#passed;
    if (position <= this.#committed) return;
    await this.#lane.commit(this.#grant, position, signal);
    this.#committed = position;
  }
}
