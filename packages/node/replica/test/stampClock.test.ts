/** Goal: one wrong clock spoils no stamp. Method: a clock of the test's own, and samples of the clocks of peers. */
import { PEER_CLOCKS_MAX } from "@annals/flow";
import { describe, expect, it } from "vitest";
import { clockSample } from "../src/clockSample.ts";
import { judgeClock } from "../src/clockVerdict.ts";
import { PeerClock } from "../src/peerClock.ts";
import { StampClock } from "../src/stampClock.ts";

const YEARS_20 = 20 * 365 * 24 * 3600 * 1000;
const TRUE_START = 1_700_000_000_000;

/** Machines share the true time; each wall clock is off by so much. */
class Machine {
  nowMs = 50_000;
  skewMs = 0;
  readonly stamps: StampClock;

  constructor(hasPeers = true) {
    const clock = { now: () => this.nowMs, wallTime: () => this.trueTime + this.skewMs };
    this.stamps = new StampClock({ clock, maxSkewMs: 5000, hasPeers });
  }

  get trueTime(): number {
    return TRUE_START + this.nowMs;
  }

  /** A peer whose clock is off by so much is asked; the answer takes two milliseconds. */
  ask(node: string, skewMs: number, roundTripMs = 2): void {
    const sentMs = this.nowMs;
    const wallTime = this.trueTime + roundTripMs / 2 + skewMs;
    this.nowMs += roundTripMs;
    this.stamps.heard(node, clockSample(sentMs, wallTime, this.nowMs));
  }

  askBoth(skews: readonly [number, number] = [0, 0]): void {
    this.ask("b", skews[0]);
    this.ask("c", skews[1]);
  }
}

describe("with three clocks", () => {
  it("stamps with the own wall clock while it keeps to the others", () => {
    const machine = new Machine();
    machine.askBoth();
    machine.skewMs = 4000;
    expect(machine.stamps.stampAfter(0)).toBe(machine.trueTime + 4000);
    expect(machine.stamps.view()).toMatchObject({ kind: "agreed", held: false });
  });

  // Keeps L40.
  it("stamps nothing with a clock that jumps, not even the first record after the jump", () => {
    const machine = new Machine();
    machine.askBoth();
    const before = machine.stamps.stampAfter(0) ?? 0;
    machine.skewMs = YEARS_20;
    machine.nowMs += 100;
    expect(machine.stamps.stampAfter(before)).toBe(machine.trueTime);
    machine.skewMs = 0;
    machine.nowMs += 100;
    expect(machine.stamps.stampAfter(before)).toBe(machine.trueTime);
    expect(machine.stamps.view()).toMatchObject({ kind: "agreed", held: false });
  });

  it.each([YEARS_20, -YEARS_20])(
    "is off once its clock has been wrong by %d ms for 2 s",
    (skew) => {
      const machine = new Machine();
      machine.askBoth();
      machine.skewMs = skew;
      expect(machine.stamps.off).toBe(false);
      machine.nowMs += 1999;
      expect(machine.stamps.off).toBe(false);
      machine.nowMs += 1;
      expect(machine.stamps.off).toBe(true);
      expect(machine.stamps.view()).toMatchObject({ kind: "off", held: true, ownOffsetMs: skew });
      expect(machine.stamps.stampAfter(0)).toBe(machine.trueTime);
      machine.skewMs = 0;
      expect(machine.stamps.off).toBe(false);
    },
  );

  it("tells which of the peers is wrong, and does not trust it", () => {
    const machine = new Machine();
    machine.askBoth([0, YEARS_20]);
    expect(machine.stamps.trusts("b")).toBe(true);
    expect(machine.stamps.trusts("c")).toBe(false);
    expect(machine.stamps.trusts("d")).toBe(false);
    expect(machine.stamps.view().peers).toMatchObject([
      { node: "b", off: false },
      { node: "c", off: true, offsetMs: YEARS_20 },
    ]);
    expect(machine.stamps.off).toBe(false);
  });

  // Keeps L40.
  it("believes none of three that all differ, and goes on from the time that was agreed last", () => {
    const machine = new Machine();
    machine.askBoth();
    expect(machine.stamps.time()).toBe(machine.trueTime);
    machine.skewMs = YEARS_20;
    machine.askBoth([-YEARS_20, 60_000]);
    expect(machine.stamps.view()).toMatchObject({ kind: "disputed", held: true });
    expect(machine.stamps.time()).toBe(machine.trueTime);
    expect(machine.stamps.off).toBe(false);
  });

  it("is set right by the next samples after the machine has slept, and does not call that off", () => {
    const machine = new Machine();
    machine.askBoth();
    const night = 8 * 3600 * 1000;
    // The monotonic clock stood still, the wall clocks of all went on.
    machine.skewMs = night;
    machine.nowMs += 500;
    expect(machine.stamps.off).toBe(false);
    machine.askBoth([night, night]);
    expect(machine.stamps.stampAfter(0)).toBe(machine.trueTime + night);
    expect(machine.stamps.view()).toMatchObject({ kind: "agreed", held: false });
  });
});

describe("with two clocks", () => {
  it("believes neither when they differ, and goes on from the time that was agreed last", () => {
    const machine = new Machine();
    machine.ask("b", 0);
    expect(machine.stamps.time()).toBe(machine.trueTime);
    machine.ask("b", YEARS_20);
    machine.nowMs += 2000;
    expect(machine.stamps.view()).toMatchObject({ kind: "disputed", held: false });
    expect(machine.stamps.time()).toBe(machine.trueTime);
    machine.skewMs = -YEARS_20;
    machine.ask("b", 0);
    machine.nowMs += 5000;
    expect(machine.stamps.view()).toMatchObject({ kind: "disputed", held: true });
    expect(machine.stamps.time()).toBe(machine.trueTime);
    expect(machine.stamps.off).toBe(false);
    expect(machine.stamps.trusts("b")).toBe(false);
  });

  it.each([
    ["the peer's", 0, YEARS_20],
    ["the own", YEARS_20, 0],
  ])("takes the earlier one when they never agreed and %s is ahead", (_whose, own, peer) => {
    const machine = new Machine();
    machine.skewMs = own;
    machine.ask("b", peer);
    expect(machine.stamps.stampAfter(0)).toBe(machine.trueTime);
  });
});

describe("when nobody is heard of", () => {
  it("waits for the clock of a peer, and after ten seconds goes on with a bound", () => {
    const machine = new Machine();
    const last = machine.trueTime;
    machine.skewMs = YEARS_20;
    machine.nowMs += 9999;
    expect(machine.stamps.stampAfter(last)).toBeUndefined();
    machine.nowMs += 1;
    expect(machine.stamps.stampAfter(last)).toBe(last + 10_000 + 5000);
    machine.askBoth();
    expect(machine.stamps.stampAfter(last)).toBe(machine.trueTime);
  });

  it("forgets samples after ten seconds, and keeps the time that was agreed", () => {
    const machine = new Machine();
    machine.askBoth();
    expect(machine.stamps.time()).toBe(machine.trueTime);
    machine.nowMs += 10_001;
    machine.skewMs = YEARS_20;
    expect(machine.stamps.view()).toMatchObject({ kind: "alone", held: true, peers: [] });
    expect(machine.stamps.time()).toBe(machine.trueTime);
  });
});

describe("of a node without peers", () => {
  it("stamps with the own clock from the start, and says that it is alone", () => {
    const machine = new Machine(false);
    expect(machine.stamps.stampAfter(0)).toBe(machine.trueTime);
    expect(machine.stamps.view()).toMatchObject({ kind: "alone", held: false });
  });

  // Keeps L40.
  it("holds the time while a jump is younger than a minute, and forgets one that is over", () => {
    const machine = new Machine(false);
    machine.stamps.time();
    machine.skewMs = YEARS_20;
    machine.nowMs += 59_000;
    expect(machine.stamps.time()).toBe(machine.trueTime);
    expect(machine.stamps.view()).toMatchObject({ kind: "jumped", held: true });
    machine.skewMs = 0;
    machine.nowMs += 10_000;
    expect(machine.stamps.view()).toMatchObject({ kind: "alone", held: false });
    machine.skewMs = YEARS_20;
    expect(machine.stamps.time()).toBe(machine.trueTime);
  });

  it("believes a jump that has lasted for a minute", () => {
    const machine = new Machine(false);
    machine.stamps.time();
    machine.skewMs = 3_600_000;
    machine.stamps.time();
    machine.nowMs += 60_000;
    expect(machine.stamps.time()).toBe(machine.trueTime + 3_600_000);
    expect(machine.stamps.view()).toMatchObject({ kind: "alone", held: false });
  });

  it("begins the minute anew when the clock jumps again", () => {
    const machine = new Machine(false);
    machine.stamps.time();
    machine.skewMs = YEARS_20;
    machine.stamps.time();
    machine.nowMs += 30_000;
    machine.skewMs = 2 * YEARS_20;
    machine.stamps.time();
    machine.nowMs += 59_999;
    expect(machine.stamps.time()).toBe(machine.trueTime);
    machine.nowMs += 1;
    expect(machine.stamps.time()).toBe(machine.trueTime + 2 * YEARS_20);
  });
});

// Keeps L42.
it("never falls below the last stamp", () => {
  const machine = new Machine();
  machine.askBoth();
  const ahead = machine.trueTime + YEARS_20;
  expect(machine.stamps.stampAfter(ahead)).toBe(ahead);
});

it("keeps the clocks of so many peers, and forgets the one that was heard of least recently", () => {
  const machine = new Machine();
  for (let k = 0; k <= PEER_CLOCKS_MAX; k++) machine.ask(`n${k}`, 0);
  machine.ask("n1", 0);
  machine.ask("late", 0);
  const nodes = machine.stamps.view().peers.map(({ node }) => node);
  expect(nodes).toHaveLength(PEER_CLOCKS_MAX);
  expect(nodes).toContain("n1");
  expect(nodes).not.toContain("n0");
  expect(nodes).not.toContain("n2");
});

it("learns nothing from an answer that took too long", () => {
  const machine = new Machine();
  machine.ask("b", 0, 10_002);
  expect(machine.stamps.view().peers).toEqual([]);
});

describe("the clock of a peer", () => {
  it("is told by the sample of the shortest round trip, while all say the same", () => {
    const clock = new PeerClock();
    clock.add(clockSample(0, 1_000_020, 40));
    clock.add(clockSample(100, 1_000_101, 102));
    clock.add(clockSample(200, 1_000_230, 260));
    expect(clock.best(300)).toEqual({ originMs: 1_000_000, uncertaintyMs: 1, atMs: 102 });
  });

  it("is told by the newest sample when that contradicts the others", () => {
    const clock = new PeerClock();
    clock.add(clockSample(0, 1_000_001, 2));
    clock.add(clockSample(100, 9_000_140, 180));
    expect(clock.best(300)).toEqual({ originMs: 9_000_000, uncertaintyMs: 40, atMs: 180 });
  });
});

describe("a majority", () => {
  const place = (originMs: number, uncertaintyMs = 0) => ({ originMs, uncertaintyMs });

  it("is more than half of the clocks, the own one included", () => {
    const others = [place(0), place(100), place(100)];
    expect(judgeClock(0, others, 5)).toMatchObject({ kind: "disputed" });
    expect(judgeClock(0, [...others, place(1)], 5)).toMatchObject({ kind: "agreed" });
    expect(judgeClock(100, [place(0), place(1), place(0)], 5)).toMatchObject({ kind: "off" });
  });

  it("counts what is within the bound and the uncertainty, and nothing beyond", () => {
    expect(judgeClock(0, [place(7, 2), place(7, 2)], 5)).toMatchObject({ kind: "agreed" });
    expect(judgeClock(0, [place(8, 2), place(8, 2)], 5)).toMatchObject({ kind: "off" });
  });
});
