/** Goal: whatever is wrong with clocks is told in words that say whose, how far, and what follows. Method: views made by hand. */
import type { ClockView } from "@annals/replica";
import { describe, expect, it } from "vitest";
import { clockStatus, nodeClocks } from "../src/clockReport.ts";
import { clockReasons, stampsAheadReason } from "../src/clockReasons.ts";

const YEAR = 365 * 86_400_000;

const FINE: ClockView = {
  kind: "agreed",
  held: false,
  stampOffsetMs: 0,
  ownOffsetMs: 1,
  uncertaintyMs: 0.5,
  peers: [{ node: "b", offsetMs: -1.00049, uncertaintyMs: 0.5, off: false }],
};

describe("the reasons of a node", () => {
  it("are none while its clock keeps to the others, or nobody else is there", () => {
    expect(clockReasons("a", FINE)).toEqual([]);
    const alone: ClockView = { ...FINE, kind: "alone", ownOffsetMs: undefined, peers: [] };
    expect(clockReasons("a", alone)).toEqual([]);
  });

  it("say how far its own clock is off, which way, and what it does", () => {
    const off: ClockView = { ...FINE, kind: "off", held: true, ownOffsetMs: 20 * YEAR };
    const [reason] = clockReasons("a", off);
    expect(reason).toContain("the clock of node a is 20.0 years ahead of most others");
    expect(reason).toContain(
      "stamps records with the time of the majority and hands its logs over",
    );
    const [behind] = clockReasons("a", { ...off, ownOffsetMs: -7200 });
    expect(behind).toContain("is 7.2 s behind most others");
  });

  it("name another node whose clock is off, by its distance from the majority", () => {
    const peers = [{ node: "c", offsetMs: 7_200_000, uncertaintyMs: 1, off: true }];
    const [reason] = clockReasons("a", { ...FINE, ownOffsetMs: 0, peers });
    expect(reason).toContain("the clock of node c is 2.0 hours ahead of most others");
  });

  it("measure another node by the majority even when the own clock is off, too", () => {
    const peers = [
      { node: "b", offsetMs: -20_000, uncertaintyMs: 1, off: false },
      { node: "c", offsetMs: 10_000, uncertaintyMs: 1, off: true },
    ];
    const reasons = clockReasons("a", { ...FINE, kind: "off", ownOffsetMs: 20_000, peers });
    expect(reasons[0]).toContain("the clock of node a is 20.0 s ahead of most others");
    expect(reasons[1]).toContain("the clock of node c is 30.0 s ahead of most others");
  });

  it("take neither side when two clocks differ", () => {
    const peers = [{ node: "b", offsetMs: -150_000, uncertaintyMs: 1, off: false }];
    const [reason] = clockReasons("a", {
      ...FINE,
      kind: "disputed",
      ownOffsetMs: undefined,
      peers,
    });
    expect(reason).toContain("b is 2.5 minutes behind it");
    expect(reason).toContain("no majority agrees");
  });

  it("say that a clock jumped which nobody can confirm", () => {
    const [reason] = clockReasons("a", { ...FINE, kind: "jumped", peers: [] });
    expect(reason).toContain("the clock of node a has jumped and no other node can confirm it");
  });
});

it("a last record from the future is told with both times, and for how long", () => {
  const time = Date.UTC(2026, 0, 1);
  const text = stampsAheadReason({ lastRecordedAt: time + 2 * YEAR, time });
  expect(text).toContain("stamped 2028-01-01T00:00:00.000Z, and the time is 2026-01-01T00:00");
  expect(text).toContain("for 2.0 years");
  expect(stampsAheadReason({ lastRecordedAt: 1e16, time })).toContain(
    "10000000000000000 ms after 1970",
  );
});

it("the status has every clock that is heard of, in microseconds, and its own at 0", () => {
  expect([...nodeClocks("a", FINE)]).toEqual([
    ["a", { offsetMs: 0, uncertaintyMs: 0, off: false }],
    ["b", { offsetMs: -1, uncertaintyMs: 0.5, off: false }],
  ]);
  expect(nodeClocks("a", { ...FINE, kind: "off" }).get("a")?.off).toBe(true);
  expect(clockStatus(FINE)).toEqual({
    state: "agreed",
    held: false,
    stampOffsetMs: 0,
    offsetMs: 1,
    uncertaintyMs: 0.5,
  });
});
