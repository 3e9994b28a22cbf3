/**
 * Goal: what is asked of a worker is bounded in number and bytes, and whatever is refused or answered holds nothing. Method: a real thread,
 * and more questions in one turn than it may have.
 */
import { MovableBody } from "@annals/channel";
import { until } from "@annals/fake-server";
import { QUESTIONS_MAX } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { WorkerHandle } from "../src/workerHandle.ts";
import { PoolHarness } from "./poolHarness.ts";

let harness: PoolHarness;
let worker: WorkerHandle;

beforeAll(async () => {
  harness = await PoolHarness.start("workers: { count: 1 }\n");
  worker = await until(() => harness.pool.workers.find(({ running }) => running));
}, 20_000);
afterAll(() => harness.close());

const append = (bytes: number): Promise<unknown> =>
  worker.request(99, {
    op: "append",
    contentType: "application/json",
    body: MovableBody.own(new Uint8Array(bytes)),
    stamp: undefined,
    timeoutMs: 1000,
  });

const codeOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "answered",
    (error: unknown) => (error instanceof AnnalsError ? error.code : String(error)),
  );

it("refuses questions beyond their number, and holds none of their bytes", async () => {
  const status = (): Promise<unknown> => worker.request(99, { op: "status" });
  const asked = Array.from({ length: QUESTIONS_MAX }, () => codeOf(status()));
  const beyond = [codeOf(status()), codeOf(append(1000))];
  expect(worker.pendingBytes().current).toBe(0);
  expect(await Promise.all(beyond)).toEqual(["ERR_OVERLOADED", "ERR_OVERLOADED"]);
  expect(new Set(await Promise.all(asked))).not.toContain("ERR_OVERLOADED");
  expect(await codeOf(append(1000))).not.toBe("ERR_OVERLOADED");
  expect(worker.pendingBytes()).toMatchObject({ current: 0, peak: 1000 });
});

it("refuses bodies beyond their bytes and one, and nothing that has none", async () => {
  const { cap } = worker.pendingBytes();
  const asked = [codeOf(append(cap))];
  expect(worker.pendingBytes().current).toBe(cap);
  const refused = codeOf(append(1));
  const status = codeOf(worker.request(99, { op: "status" }));
  expect(await refused).toBe("ERR_NODE_OVERLOADED");
  expect(await Promise.all([...asked, status])).not.toContain("ERR_NODE_OVERLOADED");
  expect(worker.pendingBytes().current).toBe(0);
});

it("answers each question when the thread ends: of an append the outcome is unknown", async () => {
  const asked = [codeOf(append(10)), codeOf(worker.request(99, { op: "status" }))];
  const ended = worker.shutdown(0);
  await ended;
  const answers = await Promise.all(asked);
  expect(["ERR_OUTCOME_UNKNOWN", "ERR_LOG_NOT_OPEN"]).toContain(answers[0]);
  expect(["ERR_WORKER_LOST", "ERR_LOG_NOT_OPEN"]).toContain(answers[1]);
  expect([worker.alive, worker.running, worker.pendingBytes().current]).toEqual([false, false, 0]);
  expect(await codeOf(append(1))).toBe("ERR_OUTCOME_UNKNOWN");
  expect(await codeOf(worker.request(99, { op: "status" }))).toBe("ERR_WORKER_LOST");
});
