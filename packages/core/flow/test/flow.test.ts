/** Goal: each bound holds at its smallest legal value, refuses illegal ones, and lets go of everything. */
import { describe, expect, it } from "vitest";
import { Backoff } from "../src/backoff.ts";
import { CreditWindow } from "../src/creditWindow.ts";
import { Gauge } from "../src/gauge.ts";
import { Ledger } from "../src/ledger.ts";
import { PauseGate } from "../src/pauseGate.ts";
import { Stagger } from "../src/stagger.ts";

describe("Gauge", () => {
  it("refuses a cap below 1", () => {
    for (const cap of [0, -1, Number.NaN]) expect(() => new Gauge(cap)).toThrow(RangeError);
  });

  it("is full at the cap and opens again at half", () => {
    const gauge = new Gauge(4);
    gauge.add(3);
    expect(gauge.full).toBe(false);
    gauge.add(1);
    expect(gauge.full).toBe(true);
    gauge.remove(1);
    expect(gauge.full).toBe(true);
    gauge.remove(1);
    expect(gauge.full).toBe(false);
    expect(gauge.read()).toEqual({ current: 2, peak: 4, cap: 4 });
  });

  it("with cap 1 admits one item at a time, and one oversized item does not wedge it", () => {
    const gauge = new Gauge(1);
    gauge.add(100);
    expect(gauge.full).toBe(true);
    gauge.remove(100);
    expect(gauge.full).toBe(false);
  });

  it("refuses to give back more than was taken", () => {
    const gauge = new Gauge(1);
    gauge.add(1);
    expect(() => gauge.remove(2)).toThrow("2 given back of 1");
  });
});

it("counts pauses by the kind of reason, beyond the life of their gates", () => {
  const ledger = new Ledger();
  for (let link = 0; link < 3; link++) {
    const gate = new PauseGate(
      () => {},
      () => {},
      ledger,
    );
    gate.hold("event-queue")();
    gate.hold(`blob:${link}`);
    gate.close();
    gate.hold("event-queue");
  }
  expect(ledger.pauses()).toEqual({ "event-queue": 3, blob: 3 });
});

describe("PauseGate", () => {
  function gate() {
    const calls: string[] = [];
    return {
      calls,
      gate: new PauseGate(
        () => calls.push("pause"),
        () => calls.push("resume"),
      ),
    };
  }

  it("pauses on the first hold and resumes on the last release, whatever the order", () => {
    const { calls, gate: pauseGate } = gate();
    const a = pauseGate.hold("event-queue");
    const b = pauseGate.hold("event-queue");
    const c = pauseGate.hold("worker-lane");
    expect([...pauseGate.reasons()]).toEqual([
      ["event-queue", 2],
      ["worker-lane", 1],
    ]);
    b();
    c();
    expect(calls).toEqual(["pause"]);
    a();
    expect(calls).toEqual(["pause", "resume"]);
    expect(pauseGate.paused).toBe(false);
    expect(pauseGate.counts().get("event-queue")).toBe(2);
  });

  it("counts a double release once", () => {
    const { calls, gate: pauseGate } = gate();
    const a = pauseGate.hold("x");
    pauseGate.hold("x");
    a();
    a();
    expect(pauseGate.paused).toBe(true);
    expect(calls).toEqual(["pause"]);
  });

  it("lets go of everything on close and stays silent afterwards", () => {
    const { calls, gate: pauseGate } = gate();
    const a = pauseGate.hold("x");
    pauseGate.close();
    a();
    pauseGate.hold("y");
    expect(pauseGate.paused).toBe(false);
    expect(calls).toEqual(["pause"]);
  });
});

describe("CreditWindow", () => {
  it("is shut until granted, and one item may overdraw it", () => {
    const window = new CreditWindow();
    expect(window.tryTake({ entries: 1, bytes: 1 })).toBe(false);
    window.grant({ entries: 1, bytes: 1 });
    expect(window.tryTake({ entries: 5, bytes: 50 })).toBe(true);
    expect(window.tryTake({ entries: 1, bytes: 1 })).toBe(false);
    window.grant({ entries: 5, bytes: 49 });
    expect(window.open).toBe(false);
    window.grant({ entries: 0, bytes: 1 });
    expect(window.open).toBe(true);
    expect(window.read()).toEqual({ entries: 1, bytes: 1 });
  });
});

describe("Ledger", () => {
  it("adds up the gauges of a name, and keeps the peaks when they are gone", () => {
    const ledger = new Ledger();
    const family = ledger.family("queue");
    const [first, second] = [family.gauge(10), ledger.family("queue").gauge(1)];
    first.add(7);
    second.set(4);
    expect(ledger.read()).toEqual({ queue: { current: 11, peak: 11, largest: 7 } });
    second.set(1);
    expect([second.full, second.current]).toEqual([true, 1]);
    second.set(0);
    first.remove(7);
    expect(second.full).toBe(false);
    expect(ledger.read()).toEqual({ queue: { current: 0, peak: 11, largest: 7 } });
  });
});

describe("Backoff", () => {
  it("doubles up to its ceiling and falls back only on progress", () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 300, randomBelow: (n) => n - 1 });
    expect([backoff.nextMs(), backoff.nextMs(), backoff.nextMs(), backoff.nextMs()]).toEqual([
      100, 200, 300, 300,
    ]);
    backoff.progress();
    expect(backoff.nextMs()).toBe(100);
  });

  it("refuses nonsense", () => {
    expect(() => new Backoff({ initialMs: 0, maxMs: 1, randomBelow: () => 0 })).toThrow(RangeError);
    expect(() => new Backoff({ initialMs: 5, maxMs: 1, randomBelow: () => 0 })).toThrow(RangeError);
  });
});

describe("Stagger", () => {
  it("spaces slots by one interval across all callers, without saving up idle time", () => {
    const stagger = new Stagger(100);
    expect([stagger.reserve(0), stagger.reserve(0), stagger.reserve(50)]).toEqual([0, 100, 150]);
    expect(stagger.reserve(10_000)).toBe(0);
    expect(stagger.reserve(10_000)).toBe(100);
  });

  it("gives out a slot that is due, and nothing before", () => {
    const stagger = new Stagger(100);
    expect([stagger.tryTake(7), stagger.tryTake(7), stagger.waitMs(7)]).toEqual([true, false, 100]);
    expect([stagger.tryTake(106), stagger.waitMs(106), stagger.tryTake(107)]).toEqual([
      false,
      1,
      true,
    ]);
    expect(stagger.waitMs(1000)).toBe(0);
  });
});
