/**
 * Goal: the receive path stays within its caps, lets go of everything exactly once, and delivers nothing after its end.
 * Method: a receiver over a replica that the test plays by hand.
 */
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Message } from "@annals/raft";
import type { Receipt } from "@annals/replica";
import { Receiver } from "@annals/transport";
import type { ReceiveLimits } from "@annals/transport";
import { encodeFrame, encodeMessages } from "@annals/wire";
import { describe, expect, it } from "vitest";

const LIMITS: ReceiveLimits = {
  eventHighWaterMark: 1,
  maxQueueBytes: 1024 * 1024,
  maxCommitBacklog: 1000,
  yieldAfterMs: 10,
};

function append(index: number, entries = 1): Message {
  return {
    kind: "appendEntries",
    from: asMemberId(1),
    to: asMemberId(2),
    term: asTerm(1),
    prevLogIndex: asIndex(index - 1),
    prevLogTerm: asTerm(1),
    leaderCommit: asIndex(0),
    entries: Array.from({ length: entries }, (_, k) => ({
      index: asIndex(index + k),
      term: asTerm(1),
      kind: "records" as const,
      data: new Uint8Array(100),
    })),
  };
}

function frame(...messages: readonly Message[]): Uint8Array {
  return encodeFrame({ kind: "append", epoch: 1, bytes: encodeMessages(messages) });
}

/** A turn of the event loop: in it the receiver decodes what it may. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function setUp(limits: Partial<ReceiveLimits> = {}, now: () => number = () => 0) {
  const delivered: { messages: readonly Message[]; receipt: Receipt }[] = [];
  const granted = { entries: 0, bytes: 0 };
  const seen = { released: 0, faults: [] as string[] };
  const receiver = new Receiver({
    limits: { ...LIMITS, ...limits },
    deliver: (messages, receipt) => void delivered.push({ messages, receipt }),
    sendGrant: ({ entries, bytes }) => {
      granted.entries += entries;
      granted.bytes += bytes;
    },
    onReleased: (bytes) => {
      seen.released += bytes;
    },
    onFault: ({ code }) => void seen.faults.push(code),
    now,
  });
  return { receiver, delivered, granted, seen };
}

describe("event-queue", () => {
  it("stops decoding at its smallest legal value until the entry is stepped, and names the pause", async () => {
    const { receiver, delivered } = setUp();
    for (const index of [1, 2, 3]) receiver.onFrame(frame(append(index)));
    await turn();
    expect(delivered).toHaveLength(1);
    expect([...receiver.gate.reasons().keys()]).toEqual(["event-queue"]);
    expect(receiver.gauges().events.peak).toBe(1);
    delivered[0]?.receipt.stepped();
    expect(receiver.gate.paused).toBe(false);
    await turn();
    expect(delivered).toHaveLength(2);
  });

  it("takes one oversized frame at the cost of one pause", async () => {
    const { receiver, delivered } = setUp();
    receiver.onFrame(frame(append(1, 50)));
    receiver.onFrame(frame(append(51)));
    await turn();
    expect(delivered).toHaveLength(1);
    expect(receiver.gauges().events).toMatchObject({ current: 50, cap: 1 });
    delivered[0]?.receipt.stepped();
    await turn();
    expect(delivered).toHaveLength(2);
    expect(receiver.gate.counts().get("event-queue")).toBe(2);
  });
});

describe("commit-backlog", () => {
  it("stops decoding at its smallest legal value until the entry is flushed", async () => {
    const { receiver, delivered } = setUp({ eventHighWaterMark: 100, maxCommitBacklog: 1 });
    for (const index of [1, 2]) receiver.onFrame(frame(append(index)));
    await turn();
    for (const { receipt } of delivered) receipt.stepped();
    expect([...receiver.gate.reasons().keys()]).toEqual(["commit-backlog"]);
    receiver.onFrame(frame(append(3)));
    await turn();
    expect(delivered).toHaveLength(2);
    for (const { receipt } of delivered) receipt.durable();
    await turn();
    expect(delivered).toHaveLength(3);
  });
});

describe("credit", () => {
  it("is granted at the start, and again for exactly what was let go", async () => {
    const { receiver, delivered, granted, seen } = setUp();
    expect(granted).toEqual({ entries: 1001, bytes: LIMITS.maxQueueBytes });
    const bytes = frame(append(1, 3));
    receiver.onFrame(bytes);
    await turn();
    delivered[0]?.receipt.stepped();
    expect(granted.entries).toBe(1001);
    delivered[0]?.receipt.durable();
    expect(granted).toEqual({ entries: 1004, bytes: LIMITS.maxQueueBytes + bytes.length });
    expect(seen.released).toBe(bytes.length);
    expect(receiver.gauges().bytes.current).toBe(0);
  });
});

describe("decoding", () => {
  it("gives way after its slice of time", async () => {
    let clock = 0;
    const { receiver, delivered } = setUp({ eventHighWaterMark: 1000 }, () => {
      clock += 6;
      return clock;
    });
    for (let index = 1; index <= 6; index++) receiver.onFrame(frame(append(index)));
    await turn();
    expect(delivered.length).toBeLessThan(6);
    for (let round = 0; round < 10; round++) await turn();
    expect(delivered).toHaveLength(6);
  });

  it("ends the session at a broken frame before anything behind it", async () => {
    const { receiver, delivered, seen } = setUp({ eventHighWaterMark: 1000 });
    const broken = frame(append(1)).subarray(0, 30);
    const frames = [frame(append(1)), broken, frame(append(2))];
    for (const bytes of frames) receiver.onFrame(bytes);
    await turn();
    expect(delivered).toHaveLength(1);
    expect(seen.faults).toHaveLength(1);
    expect(seen.faults[0]).toMatch(/^ERR_WIRE_/);
    delivered[0]?.receipt.stepped();
    delivered[0]?.receipt.durable();
    expect(receiver.gauges().bytes.current).toBe(0);
    expect(seen.released).toBe(frames.reduce((sum, bytes) => sum + bytes.length, 0));
  });
});

describe("close", () => {
  it("lets go of what is queued, delivers nothing more, and leaves no pause behind", async () => {
    const { receiver, delivered, seen } = setUp();
    const frames = [frame(append(1)), frame(append(2)), frame(append(3))];
    for (const bytes of frames) receiver.onFrame(bytes);
    await turn();
    receiver.close();
    receiver.onFrame(frames[0] ?? new Uint8Array());
    await turn();
    expect(delivered).toHaveLength(1);
    expect(receiver.gate.paused).toBe(false);
    delivered[0]?.receipt.stepped();
    delivered[0]?.receipt.durable();
    await turn();
    expect(receiver.gauges().bytes.current).toBe(0);
    expect(receiver.gauges().events.current).toBe(0);
    expect(seen.released).toBe(4 * (frames[0]?.length ?? 0));
  });
});
