/** Goal: what a node tells of its copy of a log is what its worker says of it, and whether the latest decision was carried out on it. */
import { asMemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { Roster } from "@annals/system";
import type { HostedCopy } from "@annals/worker";
import { expect, it, test } from "vitest";
import { copyInfo } from "../src/copyInfo.ts";
import type { Gateway } from "../src/gateway.ts";
import { newPlace, opened } from "../src/logDirectory.ts";
import type { LogPlace } from "../src/logDirectory.ts";

const MEMBERS = [1, 2, 3].map(asMemberId);
const roster = new Roster(MEMBERS.map((member, k) => ({ node: "abc".charAt(k), member })));
const COPY: HostedCopy = {
  lastIndex: 9,
  lastTerm: 3,
  lastSeq: 7,
  commitIndex: 8,
  headHash: "ab",
  diverged: undefined,
  parted: undefined,
  emptied: { node: "b", member: asMemberId(2) },
};

function gatewayOf(answer: HostedCopy | Error): Pick<Gateway, "request" | "roster"> {
  const request = async (_place: LogPlace, { op }: { op: string }): Promise<unknown> => {
    if (answer instanceof Error) throw answer;
    return op === "copy" ? answer : undefined;
  };
  return { roster, request: request as Gateway["request"] };
}

function placeOf(pending: readonly number[] | undefined, carriedOut = 0): LogPlace {
  const base = { id: 5, name: "audit", voters: MEMBERS };
  const waits = pending?.map(asMemberId) ?? [];
  const decided = { index: 17, keep: "b", member: asMemberId(2), by: "ada", at: 0, judged: 17 };
  const decision = { ...decided, pending: waits };
  const place = newPlace(pending === undefined ? base : { ...base, decision }, false);
  opened(place);
  place.carriedOut = carriedOut;
  return place;
}

it("says what the worker says", async () => {
  expect(await copyInfo(gatewayOf(COPY), "a", placeOf(undefined))).toEqual({
    node: "a",
    log: "audit",
    state: "open",
    reason: undefined,
    lastIndex: 9,
    lastTerm: 3,
    lastSeq: 7,
    commitIndex: 8,
    headHash: "ab",
    diverged: undefined,
    parted: undefined,
    emptiedFor: "b",
    decision: undefined,
  });
});

it("says that a copy does not answer, and nothing of what is in it", async () => {
  const lost = new AnnalsError("ERR_WORKER_LOST", "gone");
  expect(await copyInfo(gatewayOf(lost), "a", placeOf(undefined))).toMatchObject({
    state: "silent",
    lastIndex: undefined,
    commitIndex: undefined,
    emptiedFor: undefined,
  });
});

test.each([
  ["this node waits", [1, 3], 0, false],
  ["this node has carried an earlier one out", [1, 3], 16, false],
  ["this node has carried it out, and _system does not say so yet", [1, 3], 17, true],
  ["this node knows of a later one that is not applied yet", [1, 3], 18, true],
  ["only others wait", [3], 0, true],
  ["nobody waits", [], 0, true],
])("carried out: %s", async (_what, pending, carriedOut, expected) => {
  const { decision } = await copyInfo(gatewayOf(COPY), "a", placeOf(pending, carriedOut));
  expect(decision).toEqual({
    decision: 17,
    keep: "b",
    by: "ada",
    at: "1970-01-01T00:00:00.000Z",
    waitsFor: pending.map((member) => "abc".charAt(member - 1)),
    carriedOut: expected,
  });
});
