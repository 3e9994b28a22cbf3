/**
 * Goal: whatever goes back over a link while the lane is full takes constant space, and nothing that counts is lost. Method: replies over a
 * lane that the test declares full.
 */
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Message } from "@annals/raft";
import { decodeFrame, decodeMessages } from "@annals/wire";
import { expect, it } from "vitest";
import type { FromWorker } from "../src/lane/messages.ts";
import { LinkReplies } from "../src/linkReplies.ts";

function ack(index: number, rejected = false): Message {
  return {
    kind: "appendEntriesResponse",
    from: asMemberId(2),
    to: asMemberId(1),
    term: asTerm(1),
    index: asIndex(index),
    rejected,
    hintIndex: asIndex(0),
    hintTerm: asTerm(0),
  };
}

function setUp() {
  const lane = { full: false, sent: [] as FromWorker[] };
  const held = new Set<LinkReplies>();
  const replies = new LinkReplies({
    linkId: 7,
    epoch: 3,
    send: (message) => void lane.sent.push(message),
    window: { entries: 40, bytes: 400 },
    congested: () => lane.full,
    held,
  });
  /** What was sent since the last look: indexes of acks, and credit. */
  const look = () => {
    const frames = lane.sent.flatMap((one) =>
      one.kind === "linkSend" ? one.frames.map((bytes) => decodeFrame(bytes)) : [],
    );
    const acks = frames.flatMap((frame) =>
      frame.kind === "response" ? decodeMessages(frame.bytes) : [],
    );
    const released = lane.sent.filter(({ kind }) => kind === "linkReleased");
    lane.sent = [];
    return {
      acks: acks.flatMap((one) => (one.kind === "appendEntriesResponse" ? [one.index] : [])),
      grants: frames.filter(({ kind }) => kind === "grant"),
      released,
    };
  };
  return { replies, lane, held, look };
}

it("passes acknowledgements on at once, with the credit that has gathered", () => {
  const { replies, held, look } = setUp();
  replies.grant({ entries: 1, bytes: 10 });
  replies.release(10);
  expect(look()).toEqual({ acks: [], grants: [], released: [] });
  expect([...held]).toEqual([replies]);
  replies.acknowledge([ack(1), ack(2, true), ack(3)]);
  expect(look()).toEqual({
    acks: [1, 2, 3],
    grants: [{ kind: "grant", entries: 1, bytes: 10 }],
    released: [{ kind: "linkReleased", linkId: 7, bytes: 10, frames: 1 }],
  });
  expect(held.size).toBe(0);
});

it.each([
  { what: "entries", credit: { entries: 2, bytes: 0 }, bytes: 0, times: 5 },
  { what: "bytes of credit", credit: { entries: 0, bytes: 34 }, bytes: 0, times: 3 },
  { what: "bytes let go of", credit: { entries: 0, bytes: 0 }, bytes: 50, times: 2 },
  { what: "frames let go of", credit: { entries: 0, bytes: 0 }, bytes: 0, times: 1024 },
])("a quarter of the window in $what goes alone", ({ credit, bytes, times }) => {
  const { replies, lane } = setUp();
  for (let k = 1; k < times; k++) {
    replies.grant(credit);
    replies.release(bytes);
  }
  expect(lane.sent).toEqual([]);
  replies.grant(credit);
  replies.release(bytes);
  expect(lane.sent).not.toEqual([]);
});

it("adds up credit and keeps the last acknowledgement of each kind while it has none", () => {
  const { replies, lane, held, look } = setUp();
  lane.full = true;
  for (let index = 1; index <= 1000; index++) {
    replies.acknowledge([ack(index), ack(index, true)]);
    replies.grant({ entries: 1, bytes: 10 });
    replies.release(10);
  }
  replies.acknowledge([ack(1001)]);
  expect(lane.sent).toEqual([]);
  expect([...held]).toEqual([replies]);
  replies.flush();
  expect(look()).toEqual({
    acks: [1000, 1001],
    grants: [{ kind: "grant", entries: 1000, bytes: 10_000 }],
    released: [{ kind: "linkReleased", linkId: 7, bytes: 10_000, frames: 1000 }],
  });
  replies.flush();
  expect(lane.sent).toEqual([]);
});

it("an acknowledgement that finds the lane full is held for whoever makes room", () => {
  const { replies, lane, held, look } = setUp();
  lane.full = true;
  replies.acknowledge([ack(1)]);
  expect([lane.sent, [...held]]).toEqual([[], [replies]]);
  lane.full = false;
  for (const one of held) one.flush();
  expect(look()).toMatchObject({ acks: [1], grants: [], released: [] });
  expect(held.size).toBe(0);
});
