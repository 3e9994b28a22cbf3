// Goal: what a sink holds can be compared while it is paused, and where it cannot the answer says what else to do. Method: an NDJSON sink and
// its runner in memory, asked at the endpoint.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import type { MemoryLog } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import { NdjsonFile } from "../src/ndjson/ndjsonFile.ts";
import type { HeldStretch } from "../src/run/heldOf.ts";
import type { SinkRunner } from "../src/run/runner.ts";
import type { SinkStatus } from "../src/run/status.ts";
import { StatusServer } from "../src/statusServer.ts";
import { valueHash } from "../src/valueHash.ts";

let directory: string;
let log: MemoryLog;
let runner: SinkRunner<string>;
let server: StatusServer;
let abort: AbortController;
let run: Promise<void>;
const soon = (): AbortSignal => AbortSignal.timeout(60_000);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-held-"));
  const trial = new SinkTrial(() => new NdjsonFile({ directory }), sampleRecords(10));
  ({ log } = trial);
  runner = trial.runner();
  server = await StatusServer.listen({ host: "127.0.0.1", port: 0, runners: [runner] });
  abort = new AbortController();
});
afterEach(async () => {
  await server.close();
  abort.abort();
  await run;
  await rm(directory, { recursive: true });
});

async function ask<Answer>(method: string, path: string): Promise<readonly [number, Answer]> {
  const response = await fetch(`http://127.0.0.1:${server.port}/sinks/trial${path}`, { method });
  return [response.status, (await response.json()) as Answer];
}

const HELD = "/held?lane=0&from=1&to=10";

test("a paused sink tells what it holds, stays paused, and goes on afterwards", async () => {
  run = runner.run(abort.signal);
  await vi.waitUntil(() => log.position === 10);
  await runner.pause(soon());
  const expected = sampleRecords(10).map((record) => ({
    seq: record.seq,
    hash: valueHash(record),
  }));
  for (let time = 0; time < 2; time++) {
    const [status, answer] = await ask<HeldStretch>("GET", HELD);
    expect([status, answer]).toEqual([200, { to: 10, held: expected }]);
  }
  log.records.push(...sampleRecords(5, 11));
  const [, { items }] = await ask<{ readonly items: readonly SinkStatus[] }>("GET", "");
  expect(items).toMatchObject([{ state: "paused", position: { seq: 10 } }]);
  const retried = await ask<{ readonly code: string }>("POST", "/retry?seq=3");
  expect(retried).toMatchObject([409, { code: "ERR_SINK_NOT_RUNNING" }]);
  await runner.resume(soon());
  await vi.waitUntil(() => log.position === 15);
});

test("a look that was asked for before a pause is not failed by it", async () => {
  run = runner.run(abort.signal);
  await vi.waitUntil(() => log.position === 10);
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const first = runner.withSink(() => {
    begun.resolve();
    return end.promise;
  });
  await begun.promise;
  const held = runner.held(1, 10);
  const pause = runner.pause(soon());
  end.resolve();
  await Promise.all([first, pause]);
  expect((await held).held).toHaveLength(10);
  expect(runner.status.state).toBe("paused");
});

test("a sink that neither runs nor is paused says how its place can be compared", async () => {
  log.onCall = (name) => {
    if (name === "range") throw new TypeError("what?");
  };
  run = runner.run(abort.signal).catch(() => undefined);
  await run;
  const [status, answer] = await ask<{ readonly detail: string }>("GET", HELD);
  expect([status, answer]).toMatchObject([409, { code: "ERR_SINK_NOT_RUNNING" }]);
  expect(answer.detail).toMatch(
    /^sink trial is failed: .*what\?.*; `annals sink compare trial --file FILE` asks the place itself/,
  );
});
