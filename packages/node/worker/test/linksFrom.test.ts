/** Goal: whoever breaks the rules loses its own links, all of them, and nobody else's. */
import { asMemberId } from "@annals/raft";
import { expect, it } from "vitest";
import { linksFrom } from "../src/linksFrom.ts";

it("finds the links of those who are meant", () => {
  const links = new Map([1, 2, 1, 3].map((member, k) => [10 + k, { from: asMemberId(member) }]));
  const of = (...members: readonly number[]) =>
    linksFrom(links, (member) => members.includes(member));
  expect(of(1)).toEqual([10, 12]);
  expect(of(2, 3)).toEqual([11, 13]);
  expect(of(4)).toEqual([]);
  expect(of(1, 2, 3)).toEqual([...links.keys()]);
});
