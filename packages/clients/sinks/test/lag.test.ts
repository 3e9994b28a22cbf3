// Goal: a sink that does not read says how far it is behind its log of now, without asking the log more often than once a second. Method: a
// runner over a log in memory, whose clock passes when the test says so.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import type { SinkRunner } from "../src/run/runner.ts";
import { StatusServer } from "../src/statusServer.ts";
import { emptyDatabase, MemorySink } from "./memorySink.ts";
import type { Row } from "./memorySink.ts";

let trial: SinkTrial<Row>;
let runner: SinkRunner<Row>;
let isBroken: boolean;
let abort: AbortController;
let run: Promise<void>;
const soon = (): AbortSignal => AbortSignal.timeout(60_000);

beforeEach(async () => {
  isBroken = false;
  const database = emptyDatabase();
  trial = new SinkTrial<Row>(
    () => new MemorySink(database, { poison: () => isBroken }),
    sampleRecords(10),
  );
  runner = trial.runner();
  abort = new AbortController();
  run = runner.run(abort.signal).catch(() => undefined);
  await vi.waitUntil(() => trial.log.position === 10);
});
afterEach(async () => {
  abort.abort();
  await run;
});

function grow(count: number): void {
  trial.log.records.push(...sampleRecords(count, trial.log.records.length + 1));
}

const passSecond = (): Promise<void> => trial.clock.sleep(1_000, soon());

test("the lag of a paused sink rises with its log, in records and in seconds", async () => {
  await runner.pause(soon());
  expect((await runner.measuredStatus()).lag).toMatchObject({ records: 0, seconds: 0 });
  grow(30);
  await passSecond();
  const { lag } = await runner.measuredStatus();
  const oldestMs = Date.parse(trial.log.records[10]?.recordedAt ?? "");
  expect(lag).toMatchObject({ records: 30, seconds: (trial.clock.wall() - oldestMs) / 1_000 });
  await runner.resume(soon());
  await vi.waitUntil(() => trial.log.position === 40);
  expect((await runner.measuredStatus()).lag).toMatchObject({ records: 0, seconds: 0 });
});

test("the lag of a sink that has failed rises with its log, and the endpoint says so", async () => {
  isBroken = true;
  grow(5);
  await run;
  const server = await StatusServer.listen({ host: "127.0.0.1", port: 0, runners: [runner] });
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${server.port}${path}`);
  const whose = '{sink="trial",log="audit",lane="0"}';
  expect(await (await get("/sinks/trial")).json()).toMatchObject({
    items: [{ state: "failed", lag: { records: 5 } }],
  });
  grow(20);
  await passSecond();
  expect(await (await get("/metrics")).text()).toContain(`annals_sink_lag_records${whose} 25\n`);
  grow(20);
  await passSecond();
  expect(await (await get("/sinks")).json()).toMatchObject({ items: [{ lag: { records: 45 } }] });
  await server.close();
});

test("the log is asked once a second, however many ask for the status", async () => {
  await runner.pause(soon());
  await runner.measuredStatus();
  await passSecond();
  let asked = 0;
  trial.log.onCall = (name) => {
    if (name === "range") asked++;
  };
  await Promise.all(Array.from({ length: 20 }, () => runner.measuredStatus()));
  await runner.measuredStatus();
  expect(asked).toBe(1);
  await passSecond();
  await runner.measuredStatus();
  expect(asked).toBe(2);
});

test("a log that does not answer leaves the lag that was known", async () => {
  await runner.pause(soon());
  grow(3);
  await runner.measuredStatus();
  await passSecond();
  trial.log.onCall = () => {
    throw new Error("unreachable");
  };
  expect(await runner.measuredStatus()).toMatchObject({ state: "paused", lag: { records: 3 } });
});

describe("a sink that could not be opened", () => {
  test("is as far behind as its group's position, and has no residual", async () => {
    abort.abort();
    await run;
    grow(5);
    const failing = trial.runner({
      before: (call) => {
        if (call === "open") throw new Error("what?");
      },
    });
    await failing.run(soon()).catch(() => undefined);
    expect(await failing.measuredStatus()).toMatchObject({
      state: "failed",
      position: null,
      lag: { records: 5 },
      residual: 0,
    });
  });
});
