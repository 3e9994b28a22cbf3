/**
 * Goal: what is told of a log is what its worker says, and nothing is made up where that does not answer. Method: a gateway whose worker
 * answers as the test says.
 */
import { asMemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { Roster } from "@annals/system";
import type { HostedLogStatus } from "@annals/worker";
import { beforeEach, describe, expect, it, test } from "vitest";
import type { Gateway } from "../src/gateway.ts";
import { newPlace, opened } from "../src/logDirectory.ts";
import type { LogPlace } from "../src/logDirectory.ts";
import { logReport } from "../src/logReport.ts";
import type { LogReport } from "../src/logReport.ts";

const MEMBERS = [1, 2, 3].map(asMemberId);
const roster = new Roster(MEMBERS.map((member, k) => ({ node: "abc".charAt(k), member })));
const SENT = { frames: 4 };
const STATUS = {
  raft: {
    commitIndex: 8,
    applied: 7,
    lastIndex: 9,
    progress: [
      { member: 1, matchIndex: 9 },
      { member: 3, matchIndex: 5 },
    ],
    membership: { learners: [3] },
  },
  appliedSeq: 6,
  headHash: "ab",
  pendingBytes: { current: 11 },
  stalled: false,
  diskFull: false,
  flushes: 12,
  blobsNotSaved: 13,
  clockHandOvers: 14,
  groups: [{ name: "sink", lag: 3, stuck: 0 }],
  sent: [{ member: 3, reading: SENT }],
  paused: [{ member: 2, reasons: ["event-queue"] }],
} as unknown as HostedLogStatus;

let place: LogPlace;
let isolation: unknown;

beforeEach(() => {
  place = newPlace({ id: 5, name: "audit", voters: MEMBERS }, false);
  opened(place);
  Object.assign(place, { role: "leader", leader: 1, term: 4, elections: 2 });
  isolation = undefined;
});

function report(answer: HostedLogStatus | Error): Promise<LogReport> {
  const gateway = {
    roster,
    request: async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    },
    nodeName: (member: number) => roster.nodeOf(asMemberId(member)),
    pool: { isolationOf: () => isolation },
  } as unknown as Gateway;
  const paused = (logId: number) =>
    logId === 5 ? [{ reasons: ["worker-lane", "event-queue"] }] : [];
  return logReport({ config: { node: "a" } as never, gateway, paused }, place);
}

it("of a log that answers everything is told", async () => {
  const { status, groups, reasons } = await report(STATUS);
  expect(status).toMatchObject({
    name: "audit",
    leader: "a",
    term: 4,
    elections: 2,
    commitIndex: 8,
    appliedIndex: 7,
    lastIndex: 9,
    lastSeq: 6,
    headHash: "ab",
    pendingBytes: 11,
    flushes: 12,
    blobsNotSaved: 13,
    clockHandOvers: 14,
  });
  expect(groups).toEqual([{ log: "audit", name: "sink", lag: 3, stuck: 0 }]);
  expect(reasons).toEqual(["log audit: an inbound data link is paused (event-queue)"]);
});

it("each replica has its role, how far it is, and on this node why its links are paused", async () => {
  const { status } = await report(STATUS);
  expect(status.replicas).toEqual([
    {
      node: "a",
      role: "leader",
      matchIndex: 9,
      paused: ["event-queue", "worker-lane"],
      sent: undefined,
    },
    { node: "b", role: "unknown", matchIndex: undefined, paused: [], sent: undefined },
    { node: "c", role: "learner", matchIndex: 5, paused: [], sent: SENT },
  ]);
});

describe("roles", () => {
  test.each([
    ["preCandidate", 0, ["candidate", "unknown", "learner"]],
    ["candidate", 0, ["candidate", "unknown", "learner"]],
    ["follower", 2, ["follower", "leader", "learner"]],
  ] as const)("a %s that hears of %i", async (role, leader, roles) => {
    Object.assign(place, { role, leader });
    const { status } = await report(STATUS);
    expect(status.replicas.map((one) => one.role)).toEqual(roles);
  });
});

it("of a log that does not answer only that is told, and nothing while it is being opened", async () => {
  const lost = new AnnalsError("ERR_WORKER_LOST", "gone");
  const { status, groups, reasons } = await report(lost);
  expect([status.commitIndex, status.lastSeq, status.headHash]).toEqual([0, 0, undefined]);
  expect([groups, reasons]).toEqual([[], ["log audit does not answer"]]);
  place.opened = false;
  expect((await report(lost)).reasons).toEqual([]);
});

it("an isolated log says why, and a decision whom it waits for", async () => {
  isolation = { deaths: 3, reason: "heap", known: true, retryInMs: 1500 };
  const decided = { index: 17, keep: "b", member: asMemberId(2), by: "ada", at: 0, judged: 17 };
  place.entry = { ...place.entry, decision: { ...decided, pending: [asMemberId(3)] } };
  const { status, reasons } = await report(STATUS);
  expect(status).toMatchObject({ isolation, decision: { decision: 17, waitsFor: ["c"] } });
  expect(reasons).toEqual([
    "log audit is isolated: 3 workers ended with it, the last one because heap; tried again in 2 s",
    "log audit: an inbound data link is paused (event-queue)",
    "log audit: decision 17, to keep the copy of b, is not carried out yet on c",
  ]);
});
