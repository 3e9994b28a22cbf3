/**
 * Goal: whichever logs kill their workers, and however they are mixed with others, they end up alone, and those that behave come back.
 * Method: the policy with a model of the pool: logs are dealt out to shared workers, and a random culprit that runs ends its worker.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Isolation } from "../src/isolation.ts";

const WINDOW_MS = 600_000;
const BEHAVED_MS = 300_000;

function policy(slots = 1, windowMs = WINDOW_MS): Isolation {
  return new Isolation({ slots, windowMs, behavedMs: BEHAVED_MS, randomBelow: (n) => n - 1 });
}

function death(atMs: number, logs: readonly number[], slot?: number, starting: number[] = []) {
  const suspects = logs.map((logId) => ({ logId, starting: starting.includes(logId) }));
  return { atMs, reason: "exit 1", suspects, slot };
}

/** Shared workers and slots, each with the logs that it has. */
class Model {
  readonly shared: number[][];
  readonly isolated: number[][];
  readonly draw: (n: number) => number;
  readonly #isolation: Isolation;
  #nowMs = 0;

  constructor(logs: number, workers: number, slots: number, draw: (n: number) => number) {
    this.draw = draw;
    this.#isolation = policy(slots, Number.POSITIVE_INFINITY);
    this.shared = Array.from({ length: workers }, () => []);
    this.isolated = Array.from({ length: slots }, () => []);
    this.#deal(Array.from({ length: logs }, (_, k) => k));
  }

  #deal(logs: readonly number[]): void {
    for (const log of logs) {
      const fewest = Math.min(...this.shared.map((one) => one.length));
      const candidates = this.shared.filter((one) => one.length === fewest);
      candidates[this.draw(candidates.length)]?.push(log);
    }
  }

  /** One of the culprits that run ends its worker; false when none runs. Tells whether the worker was a shared one. */
  kill(culprits: ReadonlySet<number>): "shared" | "isolated" | undefined {
    this.#settle();
    const workers = [...this.shared, ...this.isolated].filter((logs) =>
      logs.some((log) => culprits.has(log)),
    );
    const dead = workers[this.draw(workers.length)];
    if (dead === undefined) return undefined;
    const logs = dead.splice(0);
    const slot = this.isolated.indexOf(dead);
    this.#isolation.died(death(this.#nowMs, logs, slot < 0 ? undefined : slot));
    this.waiting.push(...logs);
    return slot < 0 ? "shared" : "isolated";
  }

  /** Logs move to where they belong; every wait is over. */
  #settle(): void {
    this.#nowMs += 60_000;
    this.#isolation.assign(this.#nowMs);
    const all = [...this.shared, ...this.isolated].flat();
    for (const worker of [...this.shared, ...this.isolated]) worker.splice(0);
    const known = new Set([...all, ...this.waiting]);
    this.waiting = [...known].filter((log) => {
      const slot = this.#isolation.slotOf(log);
      if (slot !== undefined) this.isolated[slot]?.push(log);
      return slot === undefined && this.#isolation.isolated(log);
    });
    const rest = [...known].filter((log) => !this.#isolation.isolated(log));
    this.#deal(rest);
  }

  waiting: number[] = [];

  alone(log: number): boolean {
    return this.#isolation.read(log, this.#nowMs)?.known === true;
  }
}

describe("convergence", () => {
  const shape = fc.record({
    logs: fc.integer({ min: 1, max: 40 }),
    workers: fc.integer({ min: 1, max: 4 }),
    slots: fc.integer({ min: 1, max: 3 }),
    culprits: fc.integer({ min: 1, max: 4 }),
    seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  });

  it("one culprit among up to forty logs is alone after a few deaths", () => {
    fc.assert(
      fc.property(shape, ({ logs, workers, slots, seed }) => {
        const model = new Model(logs, workers, slots, randomOf(seed));
        const culprit = seed % logs;
        const limit = 2 + Math.ceil(Math.log2(logs));
        for (let deaths = 0; deaths < limit; deaths++) model.kill(new Set([culprit]));
        expect(model.alone(culprit)).toBe(true);
      }),
    );
  });

  it("several culprits: in the end no shared worker dies any more", () => {
    fc.assert(
      fc.property(shape, ({ logs, workers, slots, culprits, seed }) => {
        const model = new Model(logs, workers, slots, randomOf(seed));
        const guilty = new Set(Array.from({ length: culprits }, (_, k) => (seed + 7 * k) % logs));
        for (let deaths = 0; deaths < 1500; deaths++) model.kill(guilty);
        expect([...guilty].filter((log) => !model.alone(log))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

/** Mulberry32: the model needs some order, not a good one. */
function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return n === 0 ? 0 : ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

describe("rules", () => {
  it("one death accuses nobody, and neither do two beyond the window", () => {
    const isolation = policy();
    isolation.died(death(0, [1, 2]));
    isolation.died(death(WINDOW_MS + 1, [1, 2]));
    expect([1, 2].filter((log) => isolation.isolated(log))).toEqual([]);
  });

  it("a log that dies alone twice is isolated, and tried again after waits that double", () => {
    const isolation = policy();
    isolation.died(death(0, [1]));
    isolation.died(death(10, [1]));
    expect(isolation.read(1, 10)).toEqual({
      deaths: 2,
      reason: "exit 1",
      known: true,
      retryInMs: 1000,
    });
    isolation.assign(1009);
    expect(isolation.slotOf(1)).toBeUndefined();
    isolation.assign(1010);
    expect([isolation.slotOf(1), isolation.uses(0)]).toEqual([0, true]);
    isolation.died(death(1010, [1], 0));
    expect(isolation.read(1, 1010)).toMatchObject({ deaths: 3, retryInMs: 2000 });
  });

  it("suspects are split, those that were starting first", () => {
    const isolation = policy();
    isolation.died(death(0, [4, 3, 2, 1]));
    isolation.died(death(10, [4, 3, 2, 1], undefined, [2]));
    expect([4, 3, 2, 1].filter((log) => isolation.isolated(log))).toEqual([2]);
    const other = policy();
    other.died(death(0, [4, 3, 2, 1]));
    other.died(death(10, [4, 3, 2, 1]));
    expect([4, 3, 2, 1].filter((log) => other.isolated(log))).toEqual([4, 3]);
    other.assign(10);
    other.died(death(20, [4, 3], 0));
    expect([4, 3, 2, 1].filter((log) => other.isolated(log))).toEqual([4]);
    other.assign(20);
    other.died(death(30, [4], 0));
    expect(other.read(4, 30)).toMatchObject({ deaths: 4, known: true });
  });

  it("at the cap a single suspect waits for the slot until it is free", () => {
    const isolation = policy(1);
    for (const atMs of [0, 10]) isolation.died(death(atMs, [1]));
    isolation.assign(2000);
    for (const atMs of [2020, 2030]) isolation.died(death(atMs, [4]));
    isolation.assign(9000);
    expect([isolation.isolated(4), isolation.slotOf(4)]).toEqual([true, undefined]);
    isolation.died(death(9000, [1], 0));
    isolation.assign(9000);
    expect([isolation.slotOf(4), isolation.slotOf(1)]).toEqual([0, undefined]);
  });

  it("at the cap several suspects take the slot of one that is known", () => {
    const isolation = policy(1);
    for (const atMs of [0, 10]) isolation.died(death(atMs, [1]));
    isolation.assign(2000);
    for (const atMs of [2000, 2010]) isolation.died(death(atMs, [3, 2]));
    isolation.assign(2010);
    expect([3, 2, 1].map((log) => isolation.slotOf(log))).toEqual([0, undefined, undefined]);
    expect([isolation.isolated(2), isolation.isolated(1)]).toEqual([false, true]);
  });

  it("of several that are known, the one that has ended most workers gives its slot", () => {
    const isolation = policy(2);
    for (const atMs of [0, 10]) isolation.died(death(atMs, [1]));
    for (const atMs of [20, 30]) isolation.died(death(atMs, [2]));
    isolation.assign(5000);
    isolation.died(death(5000, [2], isolation.slotOf(2)));
    isolation.assign(9000);
    expect([1, 2].map((log) => isolation.slotOf(log) !== undefined)).toEqual([true, true]);
    for (const atMs of [9000, 9010]) isolation.died(death(atMs, [4, 3]));
    isolation.assign(9010);
    expect([1, 2, 4].map((log) => isolation.slotOf(log) !== undefined)).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("suspects that live on make room when a worker dies elsewhere", () => {
    const isolation = policy(1);
    for (const atMs of [0, 10]) isolation.died(death(atMs, [4, 3, 2, 1]));
    isolation.assign(10);
    isolation.died(death(20, [2, 1]));
    expect([4, 3, 2, 1].filter((log) => isolation.isolated(log))).toEqual([2]);
  });

  it("who has behaved for long enough returns, and is no longer suspected", () => {
    const isolation = policy();
    for (const atMs of [0, 10]) isolation.died(death(atMs, [1]));
    isolation.assign(5000);
    isolation.release(5000 + BEHAVED_MS - 1);
    expect(isolation.isolated(1)).toBe(true);
    isolation.release(5000 + BEHAVED_MS);
    expect([isolation.isolated(1), isolation.uses(0)]).toEqual([false, false]);
    isolation.died(death(5000 + BEHAVED_MS, [1]));
    expect(isolation.isolated(1)).toBe(false);
  });

  it("refuses to be without a slot", () => {
    expect(() => policy(0)).toThrow(RangeError);
  });
});
