/**
 * Goal: what a group is told to be follows from where its lanes stand and whether their holders live. Method: views of groups as the test
 * says, and a log in memory.
 */
import { storedRecords } from "@annals/query";
import { asSeq } from "@annals/record";
import type { LaneView } from "@annals/replica";
import { SimulatedCluster } from "@annals/kit";
import { expect, it, test } from "vitest";
import type { GroupInfo } from "@annals/api";
import { groupConditions, runGroupRequest } from "../src/groupRequests.ts";

const LEASE_MS = 10_000;
const LAST = 100;

type Lane = Partial<Record<keyof LaneView, unknown>>;
const held = { token: 3, member: "m", position: 40, silentMs: 0, stillMs: 0 };

function logWith(lanes: readonly Lane[], calls: unknown[] = [], role = "leader") {
  const view = { name: "sink", settings: "s", lanes };
  const note =
    (name: string) =>
    async (...parts: unknown[]) => {
      calls.push([name, ...parts]);
      return name === "commit" ? 41 : view;
    };
  const names = ["create", "delete", "reset", "acquire", "renew", "commit", "release"];
  const groups = { views: () => [view], ...Object.fromEntries(names.map((n) => [n, note(n)])) };
  return { replica: { groups, appliedSeq: asSeq(LAST), role } } as never;
}

test.each([
  ["nobody has it", { ...held, token: 0 }, "free"],
  ["its holder is heard of within the lease", { ...held, silentMs: LEASE_MS }, "moving"],
  ["its holder is silent for longer", { ...held, silentMs: LEASE_MS + 1 }, "silent"],
  ["it has all there is", { ...held, position: LAST, stillMs: 1e9 }, "current"],
  ["it stands still for a minute", { ...held, stillMs: 60_000 }, "moving"],
  ["it stands still for longer", { ...held, stillMs: 60_001 }, "stuck"],
  ["a silent one that stands still", { ...held, silentMs: 1e9, stillMs: 1e9 }, "silent"],
  [
    "nothing is known of its holder yet",
    { ...held, silentMs: undefined, stillMs: undefined },
    "moving",
  ],
])("a lane: %s", async (_what, lane, condition) => {
  const [group] = (await runGroupRequest(logWith([lane]), { op: "list" }, LEASE_MS)) as never as [
    { lanes: unknown[] },
  ];
  expect(group.lanes).toEqual([
    {
      position: lane.position,
      lag: LAST - lane.position,
      member: condition === "free" ? undefined : "m",
      condition,
    },
  ]);
});

it("a group lags as far as the lane that is furthest behind, and counts those that are stuck", () => {
  const stuck = { ...held, stillMs: 60_001 };
  const lanes = [{ ...held, position: LAST }, stuck, { ...stuck, position: 10 }];
  expect(groupConditions(logOf(lanes), LEASE_MS)).toEqual([{ name: "sink", lag: 90, stuck: 2 }]);
});

it("where the log is not led nobody knows", () => {
  expect(groupConditions(logOf([held], "follower"), LEASE_MS)).toEqual([]);
});

function logOf(lanes: readonly Lane[], role = "leader") {
  const { replica } = logWith(lanes, [], role) as { replica: never };
  return replica;
}

test.each([
  ["first", { at: "first" }, 0],
  ["end", { at: "end" }, LAST],
  ["a seq", { at: "seq", seq: 17 }, 17],
] as const)("begins at %s", async (_what, from, position) => {
  const calls: unknown[] = [];
  const log = logWith([held], calls);
  const create = { op: "create", name: "sink", settings: "s", lanes: 2, from } as const;
  await runGroupRequest(log, create, LEASE_MS);
  await runGroupRequest(log, { op: "reset", name: "sink", to: from }, LEASE_MS);
  expect(calls).toEqual([
    ["create", { name: "sink", settings: "s", lanes: 2, position }],
    ["reset", "sink", position],
  ]);
});

it("passes on what the holder of a lane says", async () => {
  const calls: unknown[] = [];
  const run = (request: Record<string, unknown>) =>
    runGroupRequest(logWith([held], calls), request as never, LEASE_MS);
  const lane = { name: "sink", lane: 1, token: 3 };
  await run({ op: "acquire", name: "sink", settings: "s", member: "m", lane: 1, feeds: "f" });
  expect(await run({ op: "renew", ...lane })).toBeUndefined();
  expect(await run({ op: "commit", ...lane, position: 41 })).toEqual({ position: 41 });
  expect(await run({ op: "release", ...lane })).toBeUndefined();
  expect(await run({ op: "delete", name: "sink" })).toBeUndefined();
  expect(calls).toEqual([
    ["acquire", "sink", "s", "m", 1, "f"],
    ["renew", "sink", 1, 3],
    ["commit", "sink", 1, 3, 41],
    ["release", "sink", 1, 3],
    ["delete", "sink"],
  ]);
});

it("begins at a time with the first record of it, or of later", async () => {
  const cluster = new SimulatedCluster({ members: 1 });
  const { replica, store } = await cluster.elect();
  const log = { name: "audit", replica, store };
  const beginning = async (name: string, time: number): Promise<number> => {
    const from = { at: "time", time } as const;
    const create = { op: "create", name, settings: "s", lanes: 1, from } as const;
    const made = runGroupRequest(log, create, LEASE_MS);
    await cluster.ticks(2);
    return ((await made) as GroupInfo).begin;
  };
  expect(await beginning("of an empty log", 0)).toBe(0);
  for (let batch = 0; batch < 2; batch++) {
    await cluster.ticks(10);
    const appended = cluster.append([new Uint8Array([0x80]), new Uint8Array([0x80])]);
    await cluster.ticks(2);
    await appended;
  }
  const timeOf = (seq: number): number =>
    storedRecords(store, replica).batchAt(seq)?.header.recordedAt ?? Number.NaN;
  const [early, late] = [timeOf(1), timeOf(3)];
  expect(early).toBeLessThan(late);
  expect(await beginning("before all", 0)).toBe(0);
  expect(await beginning("early", early)).toBe(0);
  expect(await beginning("between", early + 1)).toBe(2);
  expect(await beginning("late", late)).toBe(2);
  expect(await beginning("behind all", late + 1)).toBe(4);
});
