/**
 * Goal: the receive path stays within its caps, lets go of everything exactly once, and delivers nothing after its end.
 * Method: a receiver over a replica that the test plays by hand.
 */
import { MemoryBlobs } from "@annals/kit";
import { asMemberId, asTerm } from "@annals/raft";
import type { Entry, Message } from "@annals/raft";
import type { Receipt } from "@annals/replica";
import { encodeFrame, encodeMessages, SLICE_ENTRIES_MAX } from "@annals/wire";
import type { Frame } from "@annals/wire";
import { describe, expect, it } from "vitest";
import { Receiver } from "../src/receiver.ts";
import type { ReceiveLimits } from "../src/receiver.ts";
import { append, ENDS } from "./loopback.ts";

const LIMITS: ReceiveLimits = {
  eventHighWaterMark: 1,
  maxQueueBytes: 1024 * 1024,
  maxCommitBacklog: 1000,
  yieldAfterMs: 10,
};

function frame(...messages: readonly Message[]): Uint8Array {
  return encodeFrame({ kind: "append", epoch: 1, bytes: encodeMessages(messages) });
}

function entriesOf(message: Message): readonly Entry[] {
  return message.kind === "appendEntries" ? message.entries : [];
}

/** A turn of the event loop: in it the receiver decodes what it may. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function setUp(limits: Partial<ReceiveLimits> = {}, now: () => number = () => 0) {
  const delivered: { messages: readonly Message[]; receipt: Receipt }[] = [];
  const granted = { entries: 0, bytes: 0 };
  const seen = { released: 0, faults: [] as string[] };
  const blobs = new MemoryBlobs();
  const answers: string[] = [];
  const notSaved: string[] = [];
  const receiver = new Receiver({
    ends: ENDS,
    limits: { ...LIMITS, ...limits },
    blobs: {
      files: blobs,
      maxBlobBytes: 1000,
      sendAnswer: (digest, answer) => void answers.push(`${answer} ${digest.slice(0, 4)}`),
      onSaved: () => {},
      onNotSaved: (_digest, { code }) => void notSaved.push(code),
    },
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
  return { receiver, delivered, granted, seen, blobs, answers, notSaved };
}

describe("event-queue", () => {
  it("stops decoding at its smallest legal value until the entry is stepped, and names the pause", async () => {
    const { receiver, delivered } = setUp();
    for (const index of [1, 2, 3]) receiver.onFrame(frame(append(index, 100)));
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
    receiver.onFrame(frame(append(1, 100, 50)));
    receiver.onFrame(frame(append(51, 100)));
    await turn();
    expect(delivered).toHaveLength(1);
    expect(receiver.gauges().events).toMatchObject({ current: 50, cap: 1 });
    delivered[0]?.receipt.stepped();
    await turn();
    expect(delivered).toHaveLength(2);
    expect(receiver.gate.counts().get("event-queue")).toBe(2);
  });
});

describe("a frame of ten thousand entries", () => {
  const CAP = 100;
  const ENTRIES = 10_000;
  const big = frame(append(1, 10, ENTRIES));

  it("never stands decoded at once: at most the cap and a slice, and its bytes are held until it is done", async () => {
    const { receiver, delivered, seen, granted } = setUp({ eventHighWaterMark: CAP });
    receiver.onFrame(big);
    let taken = 0;
    while (taken < delivered.length || taken === 0) {
      await turn();
      for (const { receipt } of delivered.slice(taken)) receipt.stepped();
      expect(receiver.gauges().bytes.current).toBe(big.length);
      for (const { receipt } of delivered.slice(taken)) receipt.durable();
      taken = delivered.length;
      await turn();
    }
    const entries = delivered.flatMap(({ messages }) => messages.flatMap(entriesOf));
    expect(entries.map(({ index }) => index)).toEqual(
      entriesOf(append(1, 10, ENTRIES)).map(({ index }) => index),
    );
    expect(receiver.gauges().events.peak).toBeLessThan(CAP + SLICE_ENTRIES_MAX);
    expect(receiver.gauges().events.peak).toBeGreaterThanOrEqual(CAP);
    expect(seen.released).toBe(big.length);
    expect(granted).toEqual({
      entries: CAP + LIMITS.maxCommitBacklog + ENTRIES,
      bytes: LIMITS.maxQueueBytes + big.length,
    });
  });

  it("is let go of once when the link closes in the middle", async () => {
    const { receiver, delivered, seen } = setUp({ eventHighWaterMark: CAP });
    receiver.onFrame(big);
    await turn();
    receiver.close();
    expect(seen.released).toBe(0);
    for (const { receipt } of delivered) {
      receipt.stepped();
      receipt.durable();
    }
    await turn();
    expect(seen.released).toBe(big.length);
    expect(receiver.gauges()).toMatchObject({ bytes: { current: 0 }, events: { current: 0 } });
  });

  it("is let go of when the link closes while nothing of it is out and the rest is not decoded", async () => {
    const { receiver, delivered, seen } = setUp({ eventHighWaterMark: CAP });
    receiver.onFrame(big);
    await turn();
    // Such as by the budget of the worker.
    receiver.gate.hold("worker-budget");
    for (const { receipt } of delivered) {
      receipt.stepped();
      receipt.durable();
    }
    await turn();
    expect(seen.released).toBe(0);
    receiver.close();
    receiver.close();
    expect(seen.released).toBe(big.length);
    expect(receiver.gauges()).toMatchObject({ bytes: { current: 0 }, events: { current: 0 } });
  });

  it("that breaks off in the middle ends the link there, and is let go of once", async () => {
    const { receiver, delivered, seen } = setUp({ eventHighWaterMark: 2 * ENTRIES });
    const forged = { ...append(ENTRIES + 1), from: asMemberId(3) };
    const broken = frame(append(1, 10, ENTRIES), forged);
    receiver.onFrame(broken);
    await turn();
    expect(seen.faults).toEqual(["ERR_PEER_MESSAGE"]);
    for (const { receipt } of delivered) {
      receipt.stepped();
      receipt.durable();
    }
    expect(seen.released).toBe(broken.length);
  });
});

describe("commit-backlog", () => {
  it("stops decoding at its smallest legal value until the entry is flushed", async () => {
    const { receiver, delivered } = setUp({ eventHighWaterMark: 100, maxCommitBacklog: 1 });
    for (const index of [1, 2]) receiver.onFrame(frame(append(index, 100)));
    await turn();
    for (const { receipt } of delivered) receipt.stepped();
    expect([...receiver.gate.reasons().keys()]).toEqual(["commit-backlog"]);
    receiver.onFrame(frame(append(3, 100)));
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
    const bytes = frame(append(1, 100, 3));
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
    for (let index = 1; index <= 6; index++) receiver.onFrame(frame(append(index, 100)));
    await turn();
    expect(delivered.length).toBeLessThan(6);
    for (let round = 0; round < 10; round++) await turn();
    expect(delivered).toHaveLength(6);
  });

  it("ends the session at a broken frame before anything behind it", async () => {
    const { receiver, delivered, seen } = setUp({ eventHighWaterMark: 1000 });
    const broken = frame(append(1, 100)).subarray(0, 30);
    const frames = [frame(append(1, 100)), broken, frame(append(2, 100))];
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
    const frames = [frame(append(1, 100)), frame(append(2, 100)), frame(append(3, 100))];
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

describe("blobs", () => {
  const bytes = Uint8Array.from({ length: 200 }, (_, k) => k);
  const digest = new MemoryBlobs().add(bytes);
  const short = digest.slice(0, 4);
  const offer: Frame = { kind: "blobOffer", epoch: 1, digest, bytes: bytes.length };
  const chunk = (from: number, to: number): Frame => ({
    kind: "blobChunk",
    epoch: 1,
    bytes: bytes.subarray(from, to),
    last: to === bytes.length,
  });

  it("are wanted, saved, and had from then on; every byte is let go", async () => {
    const { receiver, answers, blobs, seen, granted } = setUp();
    let sent = 0;
    for (const one of [offer, chunk(0, 100), chunk(100, 200)]) {
      const encoded = encodeFrame(one);
      sent += encoded.length;
      receiver.onFrame(encoded);
    }
    await turn();
    await turn();
    expect(answers).toEqual([`want ${short}`, `have ${short}`]);
    expect(blobs.saved.get(digest)).toEqual(Buffer.from(bytes));
    receiver.onFrame(encodeFrame(offer));
    await turn();
    expect(answers.at(-1)).toBe(`have ${short}`);
    expect(seen.released).toBe(sent + encodeFrame(offer).length);
    expect(granted.bytes).toBe(LIMITS.maxQueueBytes + seen.released);
  });

  it("pause the link while the disk takes no more, by name, and keep the chunk accounted", async () => {
    const { receiver, delivered, blobs } = setUp();
    blobs.slow = true;
    receiver.onFrame(encodeFrame(offer));
    receiver.onFrame(encodeFrame(chunk(0, 100)));
    receiver.onFrame(frame(append(1, 100)));
    await turn();
    expect([...receiver.gate.reasons()]).toEqual([[`blob:${digest}`, 1]]);
    expect(receiver.gauges().bytes.current).toBeGreaterThan(200);
    expect(delivered).toEqual([]);
    blobs.slow = false;
    blobs.release();
    await turn();
    await turn();
    expect([...receiver.gate.reasons().keys()]).toEqual(["event-queue"]);
    expect(delivered).toHaveLength(1);
  });

  it("leave no pause and nothing accounted when the link closes in the middle", async () => {
    const { receiver, blobs } = setUp();
    blobs.slow = true;
    receiver.onFrame(encodeFrame(offer));
    receiver.onFrame(encodeFrame(chunk(0, 100)));
    await turn();
    expect(blobs.open).toBe(1);
    receiver.close();
    await turn();
    expect(blobs.open).toBe(0);
    expect(blobs.waiting).toBe(0);
    expect(receiver.gate.paused).toBe(false);
    expect(receiver.gauges().bytes.current).toBe(0);
  });

  it("that fail to be saved are told once, harm nothing, and may come again", async () => {
    const { receiver, delivered, blobs, answers, notSaved } = setUp();
    blobs.failing = true;
    for (const one of [offer, chunk(0, 100), chunk(100, 200)]) receiver.onFrame(encodeFrame(one));
    receiver.onFrame(frame(append(1, 100)));
    await turn();
    await turn();
    expect(answers).toEqual([`want ${short}`, `failed ${short}`]);
    expect(notSaved).toEqual(["ERR_BLOB_NOT_SAVED"]);
    expect(delivered).toHaveLength(1);
    blobs.failing = false;
    delivered[0]?.receipt.stepped();
    for (const one of [offer, chunk(0, 200)]) receiver.onFrame(encodeFrame(one));
    await turn();
    await turn();
    expect(answers.slice(2)).toEqual([`want ${short}`, `have ${short}`]);
  });

  it("beyond the limit are refused before a byte of them comes", async () => {
    const { receiver, answers, blobs, notSaved } = setUp();
    receiver.onFrame(encodeFrame({ ...offer, bytes: 1001 }));
    receiver.onFrame(encodeFrame(chunk(0, 100)));
    await turn();
    expect(answers).toEqual([`failed ${short}`]);
    expect(notSaved).toEqual(["ERR_BLOB_TOO_LARGE"]);
    expect(blobs.open).toBe(0);
    expect(receiver.gauges().bytes.current).toBe(0);
  });

  it("offered in the middle of another take its place", async () => {
    const { receiver, seen, blobs, answers } = setUp();
    for (const one of [offer, chunk(0, 100), offer, chunk(0, 200)])
      receiver.onFrame(encodeFrame(one));
    await turn();
    await turn();
    expect(seen.faults).toEqual([]);
    expect(answers).toEqual([`want ${short}`, `want ${short}`, `have ${short}`]);
    expect(blobs.open).toBe(0);
    expect(receiver.gauges().bytes.current).toBe(0);
  });
});

describe("what the member of the link may not send", () => {
  const forged = { ...append(1), from: asMemberId(3) };
  const misled = { ...append(1), to: asMemberId(3) };
  const vote: Message = { kind: "timeoutNow", from: ENDS.from, to: ENDS.to, term: asTerm(1) };
  it.each<[string, Uint8Array, string]>([
    ["a message in another name", frame(append(1), forged), "ERR_PEER_MESSAGE"],
    ["a message for another member", frame(misled), "ERR_PEER_MESSAGE"],
    ["a message of a kind that travels elsewhere", frame(vote), "ERR_PEER_MESSAGE"],
    [
      "a frame of a kind that travels the other way",
      encodeFrame({ kind: "grant", entries: 1, bytes: 1 }),
      "ERR_FRAME_UNEXPECTED",
    ],
  ])(
    "%s ends the link by name, and nothing of the frame is delivered",
    async (_what, bytes, code) => {
      const { receiver, delivered, seen } = setUp();
      receiver.onFrame(bytes);
      receiver.onFrame(frame(append(2)));
      await turn();
      expect(seen.faults).toEqual([code]);
      expect(delivered).toEqual([]);
    },
  );
});
