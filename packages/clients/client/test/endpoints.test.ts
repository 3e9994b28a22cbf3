// Goal: a call goes to the leader where it is known, and a server that does not serve is passed over. Method: a clock moved by hand.
import { beforeEach, expect, test } from "vitest";
import { Endpoints } from "../src/endpoints.ts";

const [A, B, LEADER] = ["http://a:1", "http://b:2", "http://l:3"];
let nowMs: number;
let endpoints: Endpoints;

beforeEach(() => {
  nowMs = 0;
  endpoints = new Endpoints([A, `${B}/`], () => nowMs);
});

test("seeds are asked in turn, each until it does not serve", () => {
  const asked: string[] = [];
  for (const failed of [A, A, B, A]) {
    asked.push(endpoints.pick(undefined));
    endpoints.failed(undefined, failed, true);
  }
  // The second failure is of one that is not asked any more.
  expect(asked).toEqual([A, B, B, A]);
  expect(endpoints.seeds).toEqual([A, B]);
});

test("a leader is asked about its log only, until it does not serve", () => {
  endpoints.learn("audit", "l:3");
  expect(["audit", "other", undefined].map((log) => endpoints.pick(log))).toEqual([LEADER, A, A]);
  endpoints.failed("audit", A, true);
  expect(endpoints.pick("audit")).toBe(LEADER);
  endpoints.failed("audit", LEADER, false);
  expect(endpoints.pick("audit")).toBe(B);
  endpoints.learn("audit", "l:3");
  expect(endpoints.pick("audit")).toBe(LEADER);
});

test("a leader that cannot be reached is not tried again for ten seconds", () => {
  endpoints.learn("audit", "l:3");
  endpoints.failed("audit", LEADER, true);
  nowMs = 9_999;
  endpoints.learn("audit", "l:3");
  endpoints.learn("other", "l:3");
  expect([endpoints.pick("audit"), endpoints.pick("other")]).toEqual([A, A]);
  nowMs = 10_000;
  endpoints.learn("audit", "l:3");
  expect(endpoints.pick("audit")).toBe(LEADER);
});

test.each([null, "", "l", "l:x", "l:3/path", "http://l:3", " l:3"])(
  "%j is no leader",
  (address) => {
    endpoints.learn("audit", address);
    expect(endpoints.pick("audit")).toBe(A);
  },
);

test("of a thousand logs the leaders are known, of more the latest", () => {
  for (let log = 0; log < 1025; log++) endpoints.learn(`log-${log}`, "l:3");
  endpoints.learn("log-1", "l:3");
  endpoints.learn("one-more", "l:3");
  const known = ["log-0", "log-1", "log-2", "log-3", "one-more"].map(
    (log) => endpoints.pick(log) === LEADER,
  );
  expect(known).toEqual([false, true, false, true, true]);
});

test("leaders that cannot be reached are remembered, all of them as long as they are few", () => {
  const tried = (k: number): boolean => {
    endpoints.learn("audit", `l:${k}`);
    const isTried = endpoints.pick("audit") === `http://l:${k}`;
    endpoints.failed("audit", `http://l:${k}`, true);
    return isTried;
  };
  for (let k = 1; k <= 1024; k++) expect(tried(k)).toBe(true);
  for (let k = 1; k <= 1024; k += 100) expect(tried(k)).toBe(false);
});

test.each(["", "a:1", "ftp://a:1", "http://a:1/v1", "http://a:1/?x=1", "http://a:1/#x"])(
  "%j is no server",
  (url) => {
    expect(() => new Endpoints([url], () => 0)).toThrow(
      expect.objectContaining({ code: "ERR_CLIENT_OPTIONS" }),
    );
  },
);
