// Goal: a receiver that says when it wants to be asked again is not asked before. Method: a receiver that refuses once, and a clock on which
// waiting takes no time.
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
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

test("a receiver that moves is the same sink, and its secrets are in no message", () => {
  const given = { secret: "s", cluster: "c", log: "audit", now: () => 0 };
  const one = new Webhook({ ...given, url: "https://a.example/in/t0ken?key=s3cret" });
  const two = new Webhook({ ...given, url: "https://b.example/" });
  expect(one.settings).toBe(two.settings);
  expect(one.target).toBe("webhook https://a.example");
});

/** Answers as `answer` says, and keeps what it is sent. */
async function receiverOf(answer: (seqs: readonly number[]) => number): Promise<{
  readonly url: string;
  readonly asked: (readonly number[])[];
  readonly heads: Set<string>;
}> {
  const asked: (readonly number[])[] = [];
  const heads = new Set<string>();
  const made = createServer((request, response) => {
    void text(request).then((body) => {
      const { records } = JSON.parse(body) as {
        readonly records: readonly { readonly record: { readonly seq: number } }[];
      };
      const seqs = records.map(({ record }) => record.seq);
      asked.push(seqs);
      const { "annals-cluster": cluster, "annals-log": log } = request.headers;
      heads.add(`${String(cluster)} ${String(log)}`);
      response.writeHead(answer(seqs)).end();
    });
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(made.address() as AddressInfo).port}/`, asked, heads };
}

function trialOf(url: string, records = 20): SinkTrial<unknown> {
  const options = { url, secret: "s", cluster: "id-1", log: "audit", now: () => 0 };
  return new SinkTrial<unknown>(() => new Webhook(options), sampleRecords(records), {
    chunkSize: 5,
  });
}

test("a receiver that refuses everything from some record on stops the sink: what it had taken is tried once more", async () => {
  const { url, asked, heads } = await receiverOf((seqs) =>
    asked.length > 2 || seqs.includes(99) ? 400 : 204,
  );
  const trial = trialOf(url);
  const status = await trial.untilDone();
  expect(status).toMatchObject({ state: "failed", applied: 10, deadLetters: 0 });
  expect(status.lastError?.message).toMatch(
    /webhook http:\/\/127\.0\.0\.1:\d+\) refuses record 11, and others as well \(record 10, which it has taken/,
  );
  expect(asked.filter((seqs) => seqs.length === 1 && seqs[0] === 10)).toHaveLength(1);
  expect([...heads]).toEqual(["id-1 audit"]);
  expect(trial.log.letters).toEqual([]);
});

test.each([400, 422])(
  "a receiver that answers %i to every record from the first on stops the sink",
  async (answer) => {
    const { url, asked } = await receiverOf((seqs) => (seqs.length > 0 ? answer : 204));
    const trial = trialOf(url);
    const status = await trial.untilDone();
    expect(status).toMatchObject({ state: "failed", applied: 0, deadLetters: 0 });
    expect(status.lastError?.code).toBe("ERR_SINK_REFUSED");
    expect(status.lastError?.message).toMatch(
      /refuses record 1, and others as well \(record 2, record 3, record 4, record 5, and 15 more\)/,
    );
    expect(trial.log.letters).toEqual([]);
    expect(asked.length).toBeLessThan(30);
  },
);

test("one that takes no record at all, of a log with one, stops the sink as well", async () => {
  const { url } = await receiverOf((seqs) => (seqs.length > 0 ? 400 : 204));
  const trial = trialOf(url, 1);
  const status = await trial.untilDone();
  expect(status).toMatchObject({ state: "failed", deadLetters: 0 });
  expect(status.lastError?.message).toContain("there is no other one to try");
});

test("the first records are dead letters where a later one is taken, which comes again in its turn", async () => {
  const { url, asked } = await receiverOf((seqs) => (seqs.some((seq) => seq < 4) ? 400 : 204));
  const trial = trialOf(url);
  const status = await trial.untilDone();
  expect(status).toMatchObject({ state: "running", applied: 17, deadLetters: 3 });
  expect(trial.log.letters.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(asked.filter((seqs) => seqs.includes(4)).length).toBeGreaterThan(1);
});

test("a runner that begins anew behind a dead letter does not take it for one that had arrived", async () => {
  const { url } = await receiverOf((seqs) =>
    seqs.some((seq) => seq < 4 || seq === 6) ? 400 : 204,
  );
  const trial = trialOf(url);
  await trial.until(trial.runner(), () => trial.log.letters.length > 0);
  expect(trial.log.position).toBeLessThan(6);
  await trial.untilDone();
  expect(trial.log.letters.map(({ seq }) => seq)).toEqual([1, 2, 3, 6]);
  expect(trial.log.position).toBe(20);
});

test("a record that alone is refused is a dead letter, and nothing is sent ahead of its turn", async () => {
  const { url, asked } = await receiverOf((seqs) => (seqs.includes(8) ? 422 : 204));
  const trial = trialOf(url);
  const status = await trial.untilDone();
  expect(status).toMatchObject({ state: "running", applied: 19, deadLetters: 1 });
  expect(trial.log.letters).toMatchObject([
    { seq: 8, message: expect.stringMatching(/^127\.0\.0\.1:\d+ answered 422$/) },
  ]);
  let last = 0;
  for (const seqs of asked) {
    const [first = last] = seqs;
    expect(first).toBeLessThanOrEqual(last + 1);
    last = Math.max(last, ...seqs);
  }
});

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
