// Goal: a subscription that is closed in the middle of a read holds nothing afterwards. Method: a read that the test answers.
import { Gauge, GaugeFamily } from "@annals/flow";
import type { ReadReply } from "@annals/query";
import { expect, test } from "vitest";
import { PageBudget } from "../../src/stream/pageBudget.ts";
import { Subscription } from "../../src/stream/subscription.ts";

const ANY = {
  actor: undefined,
  action: undefined,
  target: undefined,
  tenant: undefined,
  lane: undefined,
};

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
