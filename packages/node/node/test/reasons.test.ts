// Goal: every state of a log has its name and its reason, and only an open one has none.
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import { expect, test } from "vitest";
import { leaderlessReason, rolledBackReason } from "@annals/worker";
import { newPlace } from "../src/logDirectory.ts";
import type { LogPlace } from "../src/logDirectory.ts";
import { decisionReasons, stateOf } from "../src/reasons.ts";

function place(change: Partial<LogPlace>): LogPlace {
  return { ...newPlace({ id: 3, name: "audit", voters: [] }, false), ...change };
}

const repairing = { what: "checksum", entries: undefined, missing: false };

test.each([
  ["open", place({ opened: true }), true, "nothing"],
  ["silent", place({ opened: true }), false, "log audit does not answer"],
  ["opening", place({}), false, "log audit is being opened"],
  [
    "opening",
    place({ waitsFor: "place" }),
    false,
    "waits to be opened until others have caught up",
  ],
  ["opening", place({ waitsFor: "scan" }), false, "waits until its files have been read"],
  ["opening", place({ waitsFor: "isolation" }), false, "is isolated and waits for its next try"],
  ["opening", place({ refused: "EROFS at /d" }), false, "because the disk refuses: EROFS at /d"],
  ["diverged", place({ opened: true, diverged: true }), true, "log audit has diverged"],
  ["repairing", place({ repairing }), false, "log audit is repairing: checksum"],
  ["opening", place({ resolving: "a" }), false, "to keep the copy of a is carried out here"],
  ["repairing", place({ resolving: "a", repairing }), false, "log audit is repairing: checksum"],
])("%s", (state, log, answers, reason) => {
  const told = stateOf(log, answers);
  expect(told.state).toBe(state);
  expect(told.reason ?? "nothing").toContain(reason);
});

test("a decision is told until nobody is waited for", () => {
  const decision = { decision: 17, keep: "a", by: "ada", at: "2026-01-01T00:00:00.000Z" };
  expect(decisionReasons("audit", { ...decision, waitsFor: ["b", "c"] })).toEqual([
    "log audit: decision 17, to keep the copy of a, is not carried out yet on b, c",
  ]);
  expect(decisionReasons("audit", { ...decision, waitsFor: [] })).toEqual([]);
  expect(decisionReasons("audit", undefined)).toEqual([]);
});

test("an older copy of a disk is told with what it lost and what follows", () => {
  const told = rolledBackReason({
    member: asMemberId(3),
    term: asTerm(5),
    acknowledgedIndex: asIndex(90),
    lastIndex: asIndex(40),
  });
  expect(told).toContain("member 3 had its acknowledgement of entry 90 in term 5");
  expect(told).toContain("ended at entry 40");
  expect(told).toContain("votes for no log without that entry");
});

test.each([
  ["nothing while it waits", { waits: true }, "nothing"],
  ["nothing once somebody has answered", { answered: true }, "nothing"],
  ["that nobody has answered", {}, "no other member has said"],
  [
    "which entry it needs",
    { lacks: { term: asTerm(5), index: asIndex(90) } },
    "entry 90 of term 5",
  ],
])("without a leader it says %s", (_what, change, text) => {
  const told = leaderlessReason({
    silent: [asMemberId(2)],
    answered: false,
    waits: false,
    lacks: undefined,
    rolledBack: undefined,
    ...change,
  });
  expect(told ?? "nothing").toContain(text);
});
