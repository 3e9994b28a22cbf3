// Goal: a subscription asks for what is next, tells how far it has looked, and holds nothing once it is closed. Method: reads that the test
// answers.
import { Gauge, GaugeFamily } from "@annals/flow";
import type { ReadQuery, ReadReply } from "@annals/query";
import { expect, test } from "vitest";
import { PageBudget } from "../../src/stream/pageBudget.ts";
import { Subscription } from "../../src/stream/subscription.ts";
import type { SubscriptionOptions } from "../../src/stream/subscription.ts";

type ClientStart = SubscriptionOptions["head"]["start"];

const ANY = {
  actor: undefined,
  action: undefined,
  target: undefined,
  tenant: undefined,
  lane: undefined,
};

/** One that asks the log for pages as the test answers them. */
function subscriptionAt(
  start: ClientStart,
  answer: (query: ReadQuery) => Partial<ReadReply> | undefined,
  filter: { readonly action?: string } = {},
) {
  const asked: ReadQuery[] = [];
  const sent: Record<string, unknown>[] = [];
  const told: number[] = [];
  let nowMs = 0;
  const done = Promise.withResolvers<void>();
  const subscription = new Subscription({
    head: {
      kind: "subscribe",
      id: 1,
      log: "audit",
      start,
      filter: { ...ANY, ...filter },
      records: 99,
      bytes: 9999,
    },
    format: "ndjson",
    maxUnacked: 100,
    buffered: new Gauge(10_000),
    pages: new PageBudget(10_000),
    pageBytes: (length) => length,
    read: async (query) => {
      asked.push(query);
      const reply = answer(query);
      if (reply !== undefined) {
        const page = { body: new Uint8Array(0), contentType: "application/x-ndjson" } as const;
        const covered = { from: query.from ?? 1, to: (query.from ?? 1) - 1 };
        return { ...page, count: 0, covered, next: undefined, more: false, ...reply };
      }
      subscription.close();
      done.resolve();
      return new Promise<never>(() => undefined);
    },
    send: (fields, _body, whenTaken) => {
      sent.push(Object.fromEntries(fields));
      whenTaken?.();
    },
    onPaused: () => {},
    onTold: (seq) => void told.push(seq),
    now: () => nowMs,
  });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  void subscription.run();
  return { asked, sent, told, done: done.promise, pass };
}

const page = (from: number, to: number, more: boolean, count = to - from + 1) => ({
  body: Buffer.from("{}\n".repeat(count)),
  count,
  covered: { from, to },
  more,
});

test("the end that it begins at is confirmed by a quorum, and what comes behind it is not left out", async () => {
  const replies = [
    { covered: { from: 1, to: 7 }, count: 1 },
    { count: 1, covered: { from: 8, to: 9 } },
    page(9, 9, false),
  ];
  const { asked, sent, told, done } = subscriptionAt({ kind: "end" }, () => replies.shift());
  await done;
  expect(asked[0]).toMatchObject({
    order: "desc",
    limit: 1,
    from: undefined,
    consistency: "linearizable",
  });
  // It looks for a first match, and reads from there on.
  expect(asked.slice(1, 3)).toMatchObject([
    { from: 8, limit: 1, format: "none", consistency: "linearizable" },
    { from: 9, format: "ndjson", consistency: "local" },
  ]);
  expect(sent).toEqual([{ kind: "records", id: 1, from: 8, to: 9, count: 1 }]);
  expect(told).toEqual([9]);
});

test("a client that filters learns how far nothing was found, and ranges adjoin", async () => {
  const replies = [page(1, 50, true, 0), page(51, 60, true, 2), page(61, 70, false, 0)];
  const { sent, done } = subscriptionAt({ kind: "seq", seq: 1 }, () => replies.shift(), {
    action: "a.b",
  });
  await done;
  expect(sent).toEqual([
    { kind: "records", id: 1, from: 1, to: 50, count: 0 },
    { kind: "records", id: 1, from: 51, to: 60, count: 2 },
  ]);
});

test("a time counts until the first record of it was found", async () => {
  const replies = [page(1, 50, true, 0), page(51, 60, true), page(61, 62, false)];
  const { asked, done } = subscriptionAt({ kind: "time", since: 77 }, () => replies.shift());
  await done;
  expect(asked.map(({ since }) => since)).toEqual([77, 77, undefined, undefined]);
});

test("that the end is the end is confirmed when it is reached, and again while nothing comes", async () => {
  const looks: [number, string][] = [];
  const { sent, done, pass } = subscriptionAt({ kind: "seq", seq: 1 }, ({ limit, ...query }) => {
    if (limit !== 1) return { covered: { from: 1, to: 0 } };
    looks.push([query.waitMs, query.consistency]);
    pass(looks.length === 3 ? 1 : 6000);
    return looks.length < 6 ? { covered: { from: 1, to: 0 } } : undefined;
  });
  await done;
  expect(looks).toEqual([
    [0, "linearizable"],
    [10_000, "local"],
    [10_000, "linearizable"],
    [10_000, "local"],
    [10_000, "local"],
    [10_000, "linearizable"],
  ]);
  expect(sent.every(({ kind }) => kind === "caughtUp")).toBe(true);
});

test("what is read while it is closed is not sent, and its room is given back", async () => {
  const family = new GaugeFamily();
  const buffered = new Gauge(1000);
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<ReadReply>();
  const sent: unknown[] = [];
  const start = { kind: "seq", seq: 1 } as const;
  const subscription = new Subscription({
    head: { kind: "subscribe", id: 1, log: "audit", start, filter: ANY, records: 9, bytes: 999 },
    format: "ndjson",
    maxUnacked: 10,
    buffered,
    pages: new PageBudget(1000, family),
    pageBytes: (length) => length,
    read: () => {
      asked.resolve();
      return answer.promise;
    },
    send: (fields) => sent.push(fields),
    onPaused: () => {},
    now: () => 0,
  });
  const run = subscription.run();
  await asked.promise;
  expect(family.read().current).toBeGreaterThan(0);
  subscription.close();
  answer.resolve({
    body: Buffer.from("{}\n"),
    contentType: "application/x-ndjson",
    count: 1,
    covered: { from: 1, to: 1 },
    next: undefined,
    more: true,
  });
  await run;
  expect(sent).toEqual([]);
  expect([family.read().current, buffered.current]).toEqual([0, 0]);
});
