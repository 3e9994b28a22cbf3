/**
 * Goal: all nodes judge decisions alike, by what `_system` says alone: of two at once the first one stands, and a command that comes again,
 * to a node that knows more by now, changes nothing. Method: commands applied to a catalog, in tables.
 */
import { asMemberId } from "@annals/raft";
import { expect, test } from "vitest";
import { Catalog } from "../src/catalog.ts";
import type { CatalogEntry } from "../src/catalog.ts";
import { Roster } from "../src/roster.ts";
import { refusalOf } from "../src/logDecision.ts";

const MEMBERS = [1, 2, 3].map(asMemberId);
const COMMAND = { log: "audit", keep: "a", member: asMemberId(1), by: "ada", at: 1000 };

function roster(): Roster {
  const members = MEMBERS.map((member, k) => ({ node: "abc".charAt(k), member }));
  return new Roster(members);
}

function catalog(): Catalog {
  const made = new Catalog(MEMBERS);
  made.create(5, "audit", MEMBERS);
  return made;
}

test("a decision waits for every member, until each has carried it out", () => {
  const logs = catalog();
  expect(logs.decide(17, COMMAND, roster())?.decision).toEqual({
    index: 17,
    keep: "a",
    member: 1,
    by: "ada",
    at: 1000,
    pending: [1, 2, 3],
    judged: 17,
  });
  const pending = (entry: CatalogEntry | undefined) => entry?.decision?.pending;
  expect(pending(logs.carriedOut(18, "audit", 17, asMemberId(2)))).toEqual([1, 3]);
  expect(logs.carriedOut(19, "audit", 17, asMemberId(2))).toBeUndefined();
  expect(logs.carriedOut(20, "audit", 16, asMemberId(1))).toBeUndefined();
  expect(logs.carriedOut(21, "nope", 17, asMemberId(1))).toBeUndefined();
  expect(pending(logs.carriedOut(22, "audit", 17, asMemberId(1)))).toEqual([3]);
  expect(logs.forget(23, asMemberId(3)).map(pending)).toEqual([[]]);
});

test.each([
  { what: "an unknown log", command: { ...COMMAND, log: "nope" } },
  { what: "_system", command: { ...COMMAND, log: "_system" } },
  { what: "an unknown node", command: { ...COMMAND, keep: "d" } },
  {
    what: "a node that has another disk by now",
    command: { ...COMMAND, member: asMemberId(9) },
  },
])("a decision for $what changes nothing", ({ command }) => {
  const logs = catalog();
  const before = logs.logs();
  expect(logs.decide(17, command, roster())).toBeUndefined();
  expect(logs.logs()).toEqual(before);
});

test.each([
  { keep: "d", member: asMemberId(1), code: "ERR_NODE_UNKNOWN" },
  { keep: "a", member: asMemberId(9), code: "ERR_COPY_UNAVAILABLE" },
])("is refused with $code", ({ code, ...command }) => {
  expect(refusalOf("audit", {}, command, roster())).toMatchObject({ code });
});

test("a decision from before the log was created has found none", () => {
  expect(catalog().decide(4, COMMAND, roster())).toBeUndefined();
});

test("of two at once the first one stands, and the second is refused until all have carried it out", () => {
  const logs = catalog();
  const other = { ...COMMAND, keep: "b", member: asMemberId(2), by: "bob" };
  logs.decide(17, COMMAND, roster());
  expect(logs.decide(18, other, roster())?.decision).toMatchObject({ index: 17, keep: "a" });
  expect(refusalOf("audit", logs.get("audit") ?? {}, other, roster())).toMatchObject({
    code: "ERR_DECISION_OPEN",
    message: expect.stringContaining("decision 17, by ada"),
  });
  for (const [k, member] of MEMBERS.entries()) logs.carriedOut(19 + k, "audit", 17, member);
  expect(logs.decide(22, other, roster())?.decision).toMatchObject({ index: 22, keep: "b" });
});

test("commands that come again change nothing of what is known by then", () => {
  const logs = catalog();
  const second = { ...COMMAND, keep: "b", member: asMemberId(2) };
  const apply = (): void => {
    logs.decide(17, COMMAND, roster());
    logs.decide(18, second, roster());
    for (const [k, member] of MEMBERS.entries()) logs.carriedOut(19 + k, "audit", 17, member);
  };
  apply();
  const known = logs.get("audit");
  // The second was refused while the first was open, and is not taken now that it is done.
  apply();
  expect(logs.get("audit")).toEqual(known);
});
