// Goal: a source whose failure may be over by itself is run again, one that cannot mend itself stays stopped, and the runner's endpoint says
// which. Method: sources that fail as they are told, and real requests.
import { ClientError } from "@annals/client";
import { afterEach, expect, test } from "vitest";
import { runSources } from "../src/runSources.ts";
import type { Source } from "../src/source.ts";
import { serveSources } from "../src/sourceServer.ts";
import { SourceMeter } from "../src/status.ts";

const ending = new AbortController();
const close: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of close.splice(0)) await one();
});

/** Fails with each of the errors in turn, then runs until the signal ends it. */
function failing(name: string, errors: readonly Error[]): Source & { runs: number } {
  const meter = new SourceMeter({ name, log: "audit", target: "nothing" });
  const left = [...errors];
  return {
    name,
    runs: 0,
    get status() {
      return meter.status();
    },
    async run(signal) {
      this.runs++;
      const error = left.shift();
      if (error !== undefined) {
        const isTemporary = error instanceof ClientError && error.retryable;
        meter.failed(error, isTemporary ? "backing-off" : "failed");
        throw error;
      }
      meter.dealt(["t/0", 't/"1']);
      meter.moved("t/0", 5n);
      meter.found("t/0", 1n, 8n);
      meter.count("records", 3);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
    test: async () => "",
  };
}

const AWAY = new ClientError("ERR_SOURCE_UNREACHABLE", "away", { retryable: true });
const WRONG = new ClientError("ERR_SOURCE_GROUP", "another one");

test("what may be over by itself is tried again, and each failure is told", async () => {
  const ended = new AbortController();
  const source = failing("orders", [AWAY, AWAY]);
  const told: unknown[] = [];
  const running = runSources({
    sources: [source],
    signal: ended.signal,
    waitInitialMs: 1,
    onFailure: (_source, error, waitMs) => told.push([error, waitMs]),
  });
  await expect.poll(() => source.runs).toBe(3);
  ended.abort();
  await running;
  expect(told).toEqual([
    [AWAY, 1],
    [AWAY, 2],
  ]);
  expect(source.status).toMatchObject({ retries: 2, records: 3 });
});

test("one that has failed leaves the others alone; when all have, the first failure is the outcome", async () => {
  const [good, bad] = [failing("good", []), failing("bad", [WRONG])];
  const ended = new AbortController();
  const options = { signal: ended.signal, onFailure: () => undefined };
  const running = runSources({ ...options, sources: [good, bad] });
  await expect.poll(() => bad.status.state).toBe("failed");
  expect(good.status.state).toBe("running");
  ended.abort();
  await running;
  const alone = runSources({
    ...options,
    signal: ending.signal,
    sources: [failing("bad", [WRONG])],
  });
  await expect(alone).rejects.toBe(WRONG);
});

test("health and metrics are those of the sources", async () => {
  const [good, bad] = [failing("good", []), failing("bad", [WRONG])];
  const ended = new AbortController();
  const sources = [good, bad];
  const server = await serveSources({ host: "127.0.0.1", port: 0, sources });
  close.push(() => server.close());
  const get = async (path: string): Promise<readonly [number, string]> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return [response.status, await response.text()];
  };
  expect(await get("/healthz")).toEqual([200, '{"status":"ok","failed":[]}\n']);
  const running = runSources({ sources, signal: ended.signal, onFailure: () => undefined });
  await expect.poll(() => bad.status.state).toBe("failed");
  expect(await get("/healthz")).toEqual([503, '{"status":"failed","failed":["bad"]}\n']);
  const [, text] = await get("/metrics");
  for (const line of [
    'annals_source_state{source="bad",log="audit",state="failed"} 1',
    'annals_source_lag{source="good",log="audit"} 3',
    'annals_source_part_lag{source="good",log="audit",part="t/0"} 3',
    'annals_source_parts{source="good",log="audit"} 2',
    'annals_source_records_total{source="good",log="audit"} 3',
    'annals_source_dead_letters_total{source="good",log="audit",reason="mapping"} 0',
    'annals_source_takeovers_total{source="good",log="audit"} 0',
    'annals_source_rebalances_total{source="good",log="audit"} 1',
    'annals_source_retries_total{source="bad",log="audit"} 0',
  ])
    expect(text).toContain(`${line}\n`);
  expect(text).not.toContain('annals_source_lag{source="bad"');
  ended.abort();
  await running;
});

test("an error without a code is answered with the one of sources", async () => {
  const sources = [failing("good", [])];
  const server = await serveSources({ host: "127.0.0.1", port: 0, sources });
  close.push(() => server.close());
  const response = await fetch(`http://127.0.0.1:${server.port}/sources/%ff`);
  expect([response.status, await response.json()]).toEqual([
    409,
    { code: "ERR_SOURCE", detail: "URIError: URI malformed" },
  ]);
});

test("the series are bounded, however many parts there are", () => {
  const meter = new SourceMeter({ name: "orders", log: "audit", target: "nothing" });
  const parts = Array.from({ length: 1_000 }, (_, k) => `t/${k}`);
  meter.dealt(parts);
  for (const part of parts) meter.found(part, 0n, 2n);
  const status = meter.status();
  expect(status.parts).toHaveLength(200);
  expect(status).toMatchObject({ partsNotShown: 800, lag: 2_000 });
});
