// Goal: a log counts a leader once a term, however often it is heard of, and forgets none when its worker ends.
import { NOBODY } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { expect, test } from "vitest";
import { displace, follow, newPlace } from "../../src/node/logDirectory.ts";

const [A, B] = [1, 2] as MemberId[];

test("elections are counted by terms that had a leader", () => {
  const place = newPlace({ id: 2, name: "audit", voters: [] }, false);
  const heard = (leader: MemberId | undefined, term: number) =>
    follow(place, { role: "follower", leader: leader ?? NOBODY, term, diverged: false });
  heard(A, 1);
  heard(undefined, 1);
  heard(A, 1);
  heard(undefined, 2);
  expect(place.elections).toBe(1);
  heard(B, 3);
  displace(place);
  heard(B, 3);
  expect(place.elections).toBe(2);
});
