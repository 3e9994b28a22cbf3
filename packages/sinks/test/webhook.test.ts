// Goal: a receiver that says when it wants to be asked again is not asked before. Method: a receiver that refuses once, and a clock on which
// waiting takes no time.
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import { Webhook } from "../src/webhook/webhook.ts";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Where a receiver is that refuses its first request. */
async function receiver(retryAfter: string | undefined): Promise<string> {
  let requests = 0;
  const made = createServer((request, response) => {
    request.resume().once("end", () => {
      const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
      if (++requests === 1) response.writeHead(429, headers).end();
      else response.writeHead(204).end();
    });
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}/`;
}

/** Milliseconds from the request that is refused to the one that is not. */
async function waited(retryAfter: string | undefined): Promise<number> {
  const url = await receiver(retryAfter);
  const clock = { wall: (): number => 0 };
  const options = { url, secret: "s", cluster: "c", log: "audit", now: () => clock.wall() };
  const trial = new SinkTrial(() => new Webhook(options), sampleRecords(5));
  clock.wall = () => trial.clock.wall();
  const requests: number[] = [];
  const runner = trial.runner({
    chunk: ({ mutations }) => {
      if (mutations.length > 0) requests.push(trial.clock.now());
    },
  });
  await trial.until(runner, () => trial.log.position === 5);
  expect(requests).toHaveLength(2);
  return (requests[1] ?? 0) - (requests[0] ?? 0);
}

test.each([
  ["seconds", "7", 7_000],
  ["a date", new Date(Date.UTC(2026, 0, 1) + 30_000).toUTCString(), 29_000],
  ["more than the longest wait", "86400", 60_000],
])("waits for %s", async (_what, retryAfter, leastMs) => {
  const ms = await waited(retryAfter);
  expect(ms).toBeGreaterThanOrEqual(leastMs);
  expect(ms).toBeLessThanOrEqual(61_000);
});

test.each([
  ["nothing", undefined],
  ["something else", "soon"],
  ["a date that is over", new Date(0).toUTCString()],
])("waits as after any failure for %s", async (_what, retryAfter) => {
  expect(await waited(retryAfter)).toBeLessThan(1_000);
});
