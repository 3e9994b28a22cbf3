// Goal: the checkers' own count of quorums is right. Method: examples that can be counted by hand.
import { asMemberId } from "@annals/raft";
import { describe, expect, it } from "vitest";
import { isQuorum, quorumsIntersect } from "../src/quorum.ts";

function halves(voters: readonly number[], outgoing: readonly number[] = []) {
  return { voters: voters.map(asMemberId), votersOutgoing: outgoing.map(asMemberId) };
}

function has(...members: readonly number[]): (member: number) => boolean {
  return (member) => members.includes(member);
}

describe("a quorum", () => {
  it("is more than half of the voters, whoever else agrees", () => {
    expect(isQuorum(halves([1, 2, 3]), has(1, 3))).toBe(true);
    expect(isQuorum(halves([1, 2, 3]), has(1, 7, 8, 9))).toBe(false);
    expect(isQuorum(halves([1, 2, 3, 4]), has(1, 2))).toBe(false);
  });

  it("is one in both halves of a joint configuration", () => {
    expect(isQuorum(halves([1, 2, 9], [1, 2, 3]), has(1, 2))).toBe(true);
    expect(isQuorum(halves([1, 8, 9], [1, 2, 3]), has(1, 8, 9))).toBe(false);
  });
});

describe("quorums of neighbouring configurations", () => {
  it("intersect when one voter changes, or by way of a joint configuration", () => {
    expect(quorumsIntersect(halves([1, 2, 3]), halves([1, 2, 3, 4]))).toBe(true);
    expect(quorumsIntersect(halves([1, 2, 3]), halves([7, 8, 9], [1, 2, 3]))).toBe(true);
  });

  it("do not when two voters change at once", () => {
    expect(quorumsIntersect(halves([1, 2, 3]), halves([1, 4, 5]))).toBe(false);
  });
});
