/**
 * Goal: a peer may send what this version sends, where it sends it, in its own name, and nothing else. Method: every kind of frame and of
 * message in every place.
 */
import { messageOf } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import type { MemberId, Message } from "@annals/raft";
import { describe, expect, it } from "vitest";
import { assertPlaced, FRAME_PLACES, MESSAGE_PLACES, readPeerMessages } from "../src/linkRules.ts";
import { encodeMessages } from "../src/messages.ts";
import type { Frame } from "../src/frames.ts";
import type { LinkPlace } from "../src/linkRules.ts";

const PLACES: readonly LinkPlace[] = [
  "control:dialler",
  "control:acceptor",
  "data:dialler",
  "data:acceptor",
  "repair:dialler",
  "repair:acceptor",
];
const [PEER, SELF, OTHER] = [asMemberId(7), asMemberId(8), asMemberId(9)];
const MESSAGE_KINDS = Object.keys(MESSAGE_PLACES) as Message["kind"][];
const FRAME_KINDS = Object.keys(FRAME_PLACES) as Frame["kind"][];

function code(run: () => unknown): string {
  try {
    run();
    return "taken";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

function read(kind: Message["kind"], place: LinkPlace, from: MemberId, to: MemberId): unknown {
  const bytes = encodeMessages([messageOf(kind, from, to)]);
  return readPeerMessages(bytes, { place, from: PEER, to: SELF });
}

describe.each(FRAME_KINDS)("a frame %s", (kind) => {
  it.each(PLACES)("from the place %s", (place) => {
    const expected = FRAME_PLACES[kind].includes(place) ? "taken" : "ERR_FRAME_UNEXPECTED";
    expect(code(() => assertPlaced({ kind }, place))).toBe(expected);
  });
});

describe.each(MESSAGE_KINDS)("a message %s", (kind) => {
  it.each(PLACES)("from the place %s", (place) => {
    const expected = MESSAGE_PLACES[kind].includes(place) ? "taken" : "ERR_PEER_MESSAGE";
    expect(code(() => read(kind, place, PEER, SELF))).toBe(expected);
  });

  it("in the name of another member", () => {
    const found = PLACES.map((place) => code(() => read(kind, place, OTHER, SELF)));
    // Whoever was taken for the leader passes a question on for the one that asked.
    const expected = PLACES.map((place) =>
      kind === "readIndex" && place === "control:dialler" ? "taken" : "ERR_PEER_MESSAGE",
    );
    expect(found).toEqual(expected);
  });
});

it("refuses all of a run by one message of it", () => {
  const bytes = encodeMessages([
    messageOf("heartbeat", PEER, SELF),
    messageOf("heartbeat", OTHER, SELF),
  ]);
  expect(
    code(() => readPeerMessages(bytes, { place: "control:dialler", from: PEER, to: SELF })),
  ).toBe("ERR_PEER_MESSAGE");
});

it("leaves out what a control link brings for the member that this node was before", () => {
  const bytes = encodeMessages([
    messageOf("heartbeat", PEER, OTHER),
    messageOf("requestVote", PEER, SELF),
  ]);
  const taken = readPeerMessages(bytes, { place: "control:dialler", from: PEER, to: SELF });
  expect(taken.map(({ kind }) => kind)).toEqual(["requestVote"]);
});

it("ends a data link that brings messages for another member", () => {
  expect(code(() => read("appendEntries", "data:dialler", PEER, OTHER))).toBe("ERR_PEER_MESSAGE");
});

it("has a place for what this version sends, and none for what it does not", () => {
  const never = MESSAGE_KINDS.filter((kind) => MESSAGE_PLACES[kind].length === 0);
  expect(never).toEqual(["installSnapshot", "transferLeadership", "propose"]);
  const handshake = FRAME_KINDS.filter((kind) => FRAME_PLACES[kind].length === 0);
  expect(handshake).toEqual(["hello", "welcome"]);
});
