// Goal: each call about a group is the request that the protocol has for it. Method: a caller that keeps what it was asked for.
import { beforeEach, expect, test } from "vitest";
import type { Call, Caller } from "../src/caller.ts";
import { LogGroups } from "../src/logGroups.ts";

let calls: Call[];
let answer: unknown;
let groups: LogGroups;

beforeEach(() => {
  calls = [];
  answer = { name: "sink" };
  const call = async (one: Call): Promise<unknown> => {
    calls.push(one);
    return answer;
  };
  groups = new LogGroups({ call } as unknown as Caller, "my/log");
});

const held = { lane: 2, token: 7 };
const json = { "content-type": "application/json" };

test.each([
  ["create", () => groups.create("sink"), "", { name: "sink" }, "safe"],
  [
    "create with all there is",
    () => groups.create("sink", { from: "first", lanes: 3, settings: "s" }),
    "",
    { name: "sink", from: "first", lanes: 3, settings: "s" },
    "safe",
  ],
  ["reset", () => groups.reset("a b", "end"), "/a%20b/reset", { to: "end" }, "safe"],
  [
    "acquire",
    () => groups.acquire("sink", { member: "m", settings: "s", lane: 1 }),
    "/sink/acquire",
    { member: "m", settings: "s", lane: 1 },
    "safe",
  ],
  ["renew", () => groups.renew("sink", held), "/sink/renew", held, "safe"],
  ["release", () => groups.release("sink", held), "/sink/release", held, "once"],
] as const)("%s", async (_what, run, path, body, repeat) => {
  await run();
  const [call, ...more] = calls;
  expect(more).toEqual([]);
  expect({ ...call, body: JSON.parse(String(call?.body)) }).toEqual({
    method: "POST",
    path: `/v1/logs/my%2Flog/groups${path}`,
    log: "my/log",
    headers: json,
    body,
    signal: undefined,
    repeat,
  });
});

test.each([
  ["get", "GET", () => groups.get("sink"), "safe"],
  ["delete", "DELETE", () => groups.delete("sink"), "once"],
] as const)("%s has no body", async (_what, method, run, repeat) => {
  await run();
  const path = "/v1/logs/my%2Flog/groups/sink";
  expect(calls).toEqual([{ method, path, log: "my/log", signal: undefined, repeat }]);
});

test("a commit resolves with where the lane stands, a list with its groups", async () => {
  const { signal } = new AbortController();
  answer = { position: 12 };
  expect(await groups.commit("sink", held, 11, { signal })).toBe(12);
  answer = { items: [{ name: "sink" }] };
  expect(await groups.list({ signal })).toEqual([{ name: "sink" }]);
  expect(calls.map((call) => [call.method, call.signal === signal])).toEqual([
    ["POST", true],
    ["GET", true],
  ]);
  expect(JSON.parse(String(calls[0]?.body))).toEqual({ ...held, position: 11 });
});
