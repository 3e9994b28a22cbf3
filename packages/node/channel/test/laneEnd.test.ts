/**
 * Goal: a lane posts once a turn, never has more turns in flight than its credit, keeps the order, and says when it is congested.
 * Method: two ends over ports that the test moves by hand.
 */
import { Gauge, LOSSY_WAITING_MAX } from "@annals/flow";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { LaneEnd } from "../src/laneEnd.ts";
import type { LaneCodec, LanePort } from "../src/laneEnd.ts";

/** A port whose posts wait until `deliver`. */
class ManualPort implements LanePort {
  readonly posts: { value: unknown; transfer: readonly ArrayBuffer[] }[] = [];
  #listener: (value: unknown) => void = () => {};
  peer: ManualPort | undefined;

  postMessage(value: unknown, transfer: readonly ArrayBuffer[]): void {
    this.posts.push({ value, transfer });
  }

  on(_event: "message", listener: (value: unknown) => void): void {
    this.#listener = listener;
  }

  receive(value: unknown): void {
    this.#listener(value);
  }

  /** Hands everything posted so far to the other side. */
  deliver(): void {
    for (const { value } of this.posts.splice(0)) this.peer?.receive(value);
  }
}

/** Messages cross as they are. */
function plain(transfer: readonly ArrayBuffer[] = []): LaneCodec<string, string> {
  return {
    pack: (messages) => ({ turn: messages, transfer: messages.flatMap(() => transfer) }),
    unpack: (messages) => messages as readonly string[],
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function setUp() {
  const [left, right] = [new ManualPort(), new ManualPort()];
  left.peer = right;
  right.peer = left;
  const received: string[] = [];
  const sender = new LaneEnd<string, string>(left, plain(), () => {});
  const receiver = new LaneEnd<string, string>(
    right,
    plain(),
    (message) => void received.push(message),
  );
  return { left, right, received, sender, receiver };
}

describe("LaneEnd", () => {
  it("posts all messages of a turn at once, in order", async () => {
    const { left, received, sender } = setUp();
    for (const message of ["a", "b", "c"]) sender.send(message);
    expect(left.posts).toEqual([]);
    await turn();
    expect(left.posts).toHaveLength(1);
    left.deliver();
    expect(received).toEqual(["a", "b", "c"]);
  });

  it("stops at its credit while the other side handles nothing, and goes on in order", async () => {
    const { left, right, received, sender } = setUp();
    const sent = Array.from({ length: 30 }, (_, k) => `m${k}`);
    for (const message of sent) {
      sender.send(message);
      await turn();
    }
    expect(left.posts).toHaveLength(8);
    expect(sender.congested).toBe(true);
    for (let round = 0; round < 20; round++) {
      left.deliver();
      right.deliver();
      await turn();
    }
    expect(sender.congested).toBe(false);
    expect(received).toEqual(sent);
  });

  it("moves each buffer once, though several messages name it", async () => {
    const port = new ManualPort();
    const shared = new ArrayBuffer(8);
    const lane = new LaneEnd<string, string>(port, plain([shared]), () => {});
    lane.send("a");
    lane.send("b");
    await turn();
    expect(port.posts[0]?.transfer).toEqual([shared]);
  });

  it("tells who asked when the other side has handled a message, not before", async () => {
    const { left, right, sender, receiver } = setUp();
    const handled: string[] = [];
    sender.send("a", () => void handled.push("a"));
    sender.send("b");
    await turn();
    sender.send("c", () => void handled.push("c"));
    await turn();
    left.deliver();
    right.deliver();
    expect(handled).toEqual([]);
    receiver.send("an answer");
    await turn();
    right.deliver();
    expect(handled).toEqual(["a", "c"]);
  });

  it("tells by itself what is handled when nothing else is said, once", async () => {
    const { left, right, sender } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    sender.send("a", resolve);
    await turn();
    left.deliver();
    await vi.waitUntil(() => right.posts.length > 0);
    expect(right.posts).toEqual([{ value: { turn: [], handled: 1 }, transfer: [] }]);
    right.deliver();
    await promise;
  });

  it("does not wait when much is untold", async () => {
    const { left, right, sender } = setUp();
    for (const message of ["a", "b", "c", "d"]) {
      sender.send(message);
      await turn();
    }
    left.deliver();
    expect(right.posts).toEqual([{ value: { turn: [], handled: 4 }, transfer: [] }]);
  });

  it("drops lossy messages beyond their cap, and says how many when there is room again", async () => {
    const { left, right, received } = setUp();
    const waiting = new Gauge(10_000);
    const dropped: number[] = [];
    const sender = new LaneEnd<string, string>(left, plain(), () => {}, {
      waiting,
      lossy: (one) => one.startsWith("line"),
      onRoom: (lines) => dropped.push(lines),
    });
    for (let turns = 0; turns < 8; turns++) {
      sender.send("first");
      await turn();
    }
    expect(sender.congested).toBe(true);
    for (let k = 0; k < LOSSY_WAITING_MAX + 5; k++) sender.send(`line ${k}`);
    sender.send("last");
    expect(waiting.current).toBe(LOSSY_WAITING_MAX + 1);
    for (let round = 0; round < 3; round++) {
      left.deliver();
      right.deliver();
    }
    expect(dropped).toEqual([5]);
    expect(received.at(-1)).toBe("last");
    expect([received.length, waiting.current]).toEqual([8 + LOSSY_WAITING_MAX + 1, 0]);
  });

  it("counts each time anew what waits and what it has dropped", async () => {
    // On a busy machine the other side would tell early what it has handled.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { left, right, received } = setUp();
    const dropped: number[] = [];
    const sender = new LaneEnd<string, string>(left, plain(), () => {}, {
      lossy: (one) => one.startsWith("line"),
      onRoom: (lines) => dropped.push(lines),
    });
    for (const lines of [LOSSY_WAITING_MAX + 5, LOSSY_WAITING_MAX, LOSSY_WAITING_MAX + 1]) {
      while (!sender.congested) {
        sender.send("first");
        await turn();
      }
      const before = received.length;
      for (let k = 0; k < lines; k++) sender.send(`line ${k}`);
      for (let round = 0; round < 4; round++) {
        left.deliver();
        right.deliver();
        await turn();
      }
      const arrived = received.slice(before).filter((one) => one.startsWith("line"));
      expect(arrived).toHaveLength(LOSSY_WAITING_MAX);
    }
    expect(dropped).toEqual([5, 0, 1]);
  });

  it("keeps of the messages with a key the last one that waits", async () => {
    const { left, received } = setUp();
    const sender = new LaneEnd<string, string>(left, plain(), () => {}, {
      keyOf: (one) => (one.startsWith("role") ? "role" : undefined),
    });
    for (const message of ["role 1", "other", "role 2", "role 3", "end"]) sender.send(message);
    await turn();
    left.deliver();
    expect(received).toEqual(["other", "role 3", "end"]);
  });

  it("is silent after close", async () => {
    const { left, received, sender, receiver } = setUp();
    sender.send("a");
    await turn();
    receiver.close();
    left.deliver();
    sender.close();
    sender.send("b");
    await turn();
    expect(received).toEqual([]);
    expect(left.posts).toEqual([]);
  });
});
