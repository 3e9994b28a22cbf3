import type { Random } from "@annals/kit";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A clock that is set is that right. */
const SET_WITHIN_MS = 500;

/** The wall clock of one machine: it may jump, run fast, run slow or stand still, while the true time goes on. */
export class WallClock {
  readonly #nowUs: () => number;
  readonly #random: Random;
  #offsetMs: number;
  /** How many ms it gains in a ms of true time: 0 when it keeps time, −1 when it stands still. */
  #gain = 0;
  #sinceUs = 0;

  constructor(nowUs: () => number, random: Random) {
    this.#nowUs = nowUs;
    this.#random = random;
    this.#offsetMs = this.#drawSetting();
  }

  /** How far it is ahead of the true time. */
  get skewMs(): number {
    return this.#offsetMs + (this.#gain * (this.#nowUs() - this.#sinceUs)) / 1000;
  }

  get right(): boolean {
    return this.#gain === 0 && Math.abs(this.#offsetMs) <= SET_WITHIN_MS;
  }

  jump(byMs: number): void {
    this.#restart(this.skewMs + byMs, this.#gain);
  }

  /** Goes wrong in one way or another. */
  disturb(random: Random): void {
    const way = random.pick(["hour", "decades", "still", "fast", "slow"]);
    if (way === "hour") this.jump(random.between(-HOUR_MS, HOUR_MS));
    else if (way === "decades")
      this.jump(random.pick([-1, 1]) * random.between(6000, 8000) * DAY_MS + random.below(DAY_MS));
    else this.#restart(this.skewMs, { still: -1, slow: -0.9, fast: 200 }[way] ?? 0);
  }

  /** Somebody sets it right, or a time service does. */
  set(): void {
    this.#restart(this.#drawSetting(), 0);
  }

  #drawSetting(): number {
    return this.#random.between(-SET_WITHIN_MS, SET_WITHIN_MS);
  }

  #restart(offsetMs: number, gain: number): void {
    this.#offsetMs = offsetMs;
    this.#gain = gain;
    this.#sinceUs = this.#nowUs();
  }
}
