/**
 * Goal: a decision is refused by name, before it is proposed, where it has no sense or its copy cannot be kept. Method: the door over a
 * catalog of its own, and what nodes say in tables.
 */
import { asMemberId } from "@annals/raft";
import { Catalog, decodeCommand, Roster } from "@annals/system";
import { describe, expect, test } from "vitest";
import type { PeerCopy } from "../../src/resolution/peerCopies.ts";
import { takeDecision } from "../../src/resolution/resolveDoor.ts";
import type { ResolveDoorOptions } from "../../src/resolution/resolveDoor.ts";

const MEMBERS = [1, 2, 3].map(asMemberId);
const READABLE: PeerCopy = { state: "open", headHash: "aa" };
const DIVERGED: PeerCopy = { state: "diverged", headHash: "aa", diverged: {} };

function doorTo(
  copies: Readonly<Record<string, PeerCopy>>,
  /** Commands that were committed just before this one. */
  before: (catalog: Catalog, roster: Roster) => void = () => undefined,
): ResolveDoorOptions & { readonly proposed: unknown[] } {
  const members = MEMBERS.map((member, k) => ({ node: "abc".charAt(k), member }));
  const roster = new Roster(members);
  const catalog = new Catalog(MEMBERS);
  catalog.create(5, "audit", MEMBERS);
  const proposed: unknown[] = [];
  return {
    proposed,
    roster,
    find: async (log) => {
      const entry = catalog.get(log);
      if (entry === undefined) throw Object.assign(new Error(log), { code: "ERR_LOG_NOT_FOUND" });
      return entry;
    },
    ask: async (node) => copies[node],
    commit: async (data) => {
      const command = decodeCommand(data);
      proposed.push(command);
      before(catalog, roster);
      if (command.op === "resolveLog") catalog.decide(17, command, roster);
      return 17;
    },
    now: () => 1000,
  };
}

const REQUEST = { keep: "a", by: "ada" };

test("a decision is proposed with who made it and when, and answered with its identity", async () => {
  const door = doorTo({ a: READABLE, b: DIVERGED });
  expect(await takeDecision(door, "audit", REQUEST)).toEqual({
    decision: 17,
    keep: "a",
    by: "ada",
    at: "1970-01-01T00:00:01.000Z",
    waitsFor: ["a", "b", "c"],
  });
  expect(door.proposed).toEqual([
    { op: "resolveLog", log: "audit", keep: "a", member: 1, by: "ada", at: 1000 },
  ]);
});

describe("nothing is proposed", () => {
  test.each([
    { why: "_system", log: "_system", code: "ERR_RESOLVE_OFFLINE", text: "stop all nodes" },
    { why: "unknown log", log: "nope", code: "ERR_LOG_NOT_FOUND", text: "nope" },
    { why: "unknown node", keep: "d", code: "ERR_NODE_UNKNOWN", text: '"d"' },
    {
      why: "no difference",
      copies: { a: READABLE, b: READABLE },
      code: "ERR_LOG_NOT_DIVERGED",
      text: "c did not answer",
    },
    { why: "silent", copies: { b: DIVERGED }, code: "ERR_COPY_UNAVAILABLE", text: "start it" },
    {
      why: "closed",
      copies: { a: { state: "repairing", reason: "it is repairing" } as const, b: DIVERGED },
      code: "ERR_COPY_UNAVAILABLE",
      text: "it is repairing",
    },
    {
      why: "emptied",
      copies: { a: { ...READABLE, emptiedFor: "b" }, b: DIVERGED },
      code: "ERR_COPY_UNAVAILABLE",
      text: "was emptied",
    },
  ])("$why", async ({ log = "audit", keep = "a", copies = { a: DIVERGED }, code, text }) => {
    const door = doorTo(copies);
    await expect(takeDecision(door, log, { ...REQUEST, keep })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
    expect(door.proposed).toEqual([]);
  });
});

test("the second of two at once is refused by the name of the first", async () => {
  const door = doorTo({ a: READABLE, b: DIVERGED }, (catalog, roster) => {
    const first = { log: "audit", keep: "b", member: asMemberId(2), by: "bob", at: 900 };
    catalog.decide(16, first, roster);
  });
  await expect(takeDecision(door, "audit", REQUEST)).rejects.toMatchObject({
    code: "ERR_DECISION_OPEN",
    message: expect.stringContaining("decision 16, by bob"),
  });
});

test("a node that was replaced meanwhile keeps nothing", async () => {
  const door = doorTo({ a: READABLE, b: DIVERGED }, (_catalog, roster) => {
    roster.replace("a", asMemberId(9));
  });
  await expect(takeDecision(door, "audit", REQUEST)).rejects.toMatchObject({
    code: "ERR_COPY_UNAVAILABLE",
  });
});
