/**
 * Goal: logs come to workers a few at a time, nobody waits for ever, and one that kills its workers ends up alone while the others stay.
 * Method: a pool of real threads; a module in them that ends a thread when it is given a certain log.
 */
import { until } from "@annals/fake-server";
import { QUESTIONS_MAX } from "@annals/flow";
import { asMemberId } from "@annals/raft";
import { afterEach, expect, it } from "vitest";
import { PoolHarness, SELF } from "./poolHarness.ts";

let harness: PoolHarness;

afterEach(() => harness.close());

const NAMES = ["one", "two", "three", "four", "five", "six"];

async function untilAllReady(): Promise<void> {
  await until(() =>
    [...harness.places.values()].every(({ opened, catchingUp }) => opened && !catchingUp)
      ? true
      : undefined,
  );
}

it("opens so many logs at a time, the smallest number being one", async () => {
  harness = await PoolHarness.start("workers: { count: 1, maxCatchUps: 1 }\n");
  for (const name of NAMES) harness.assign(name);
  const waits = () => [...harness.places.values()].map(({ waitsFor }) => waitsFor);
  expect(waits()).toEqual(NAMES.map(() => "worker"));
  expect(await until(() => (waits()[0] === undefined ? waits() : undefined))).toEqual([
    undefined,
    ...NAMES.slice(1).map(() => "place"),
  ]);
  await untilAllReady();
  expect(harness.opened).toEqual(NAMES);
  expect(harness.mostCatchingUp).toBe(1);
  expect(harness.ledger.read()["catch-ups"]).toMatchObject({ current: 0, peak: 1 });
}, 20_000);

it("a log without a quorum gives its place up, so that the others come", async () => {
  harness = await PoolHarness.start("workers: { count: 1, maxCatchUps: 1 }\n");
  harness.assign("lonely", [SELF, asMemberId(2), asMemberId(3)]);
  harness.assign("well");
  await untilAllReady();
  expect(harness.opened).toEqual(["lonely", "well"]);
}, 20_000);

it("the logs of a dead worker are handed over one per interval", async () => {
  harness = await PoolHarness.start("workers: { count: 2, reassignStagger: 200ms }\n");
  for (const name of NAMES) harness.assign(name);
  await untilAllReady();
  const first = harness.places.get(1);
  const orphans = [...harness.places.values()].filter(({ worker }) => worker === first?.worker);
  await harness.poison("one");
  if (first !== undefined) harness.touch(first);
  await until(() => (harness.pool.restarts > 0 ? true : undefined));
  await harness.cure("one");
  await untilAllReady();
  const times = harness.handedOverAtMs();
  expect(times).toHaveLength(orphans.length);
  // By the clock that they are spaced by, in whole milliseconds.
  const spaces = times.slice(1).map((time, k) => time - (times[k] ?? 0));
  expect(spaces.filter((space) => space < 199)).toEqual([]);
}, 20_000);

it("a log that kills every worker it meets is isolated; the others come back and stay", async () => {
  harness = await PoolHarness.start("workers: { count: 2, reassignStagger: 20ms }\n");
  for (const name of NAMES) harness.assign(name);
  await untilAllReady();
  const [culprit] = harness.places.values();
  if (culprit === undefined) throw new RangeError("there is a first log");
  await harness.poison("one");
  harness.touch(culprit);
  const isolation = await until(() => {
    const now = harness.pool.isolationOf(1);
    return now?.known === true ? now : undefined;
  });
  expect(isolation).toMatchObject({ reason: "it exited with 3" });
  const others = [...harness.places.values()].filter((place) => place !== culprit);
  // Other suspects may still be on their way back from a worker of their own.
  await until(() =>
    others.every(({ opened, worker }) => opened && (worker?.index ?? 2) < 2) ? true : undefined,
  );
  const before = others.map(({ worker }) => worker);
  // Tried again, and again in vain: nobody else notices.
  await until(() =>
    (harness.pool.isolationOf(1)?.deaths ?? 0) > isolation.deaths ? true : undefined,
  );
  expect(others.map(({ worker }) => worker)).toEqual(before);
  expect(others.map(({ entry }) => harness.pool.isolationOf(entry.id))).toEqual(
    others.map(() => undefined),
  );
  await harness.cure("one");
  await until(() => (culprit.opened ? true : undefined));
  const view = harness.pool.views().find(({ isolated }) => isolated);
  expect(view).toMatchObject({ id: 2, logs: ["one"] });
}, 30_000);

it("an isolated log that behaves comes back to the others, and its worker ends", async () => {
  const behavedMs = 3_600_000;
  harness = await PoolHarness.start("workers: { count: 1, reassignStagger: 1ms }\n", behavedMs);
  const one = harness.assign("one");
  await untilAllReady();
  await harness.poison("one");
  harness.touch(one);
  await until(() => harness.pool.isolationOf(1));
  await harness.cure("one");
  await until(() => (one.opened && !one.catchingUp && one.worker?.index === 1 ? true : undefined));
  // Nothing happens any more but that time passes: the pool looks again by itself.
  harness.aheadMs += behavedMs;
  await until(() => (harness.pool.isolationOf(1) === undefined ? true : undefined));
  await until(() => (one.opened && one.worker?.index === 0 ? true : undefined));
  expect(harness.pool.views()).toEqual([
    {
      id: 0,
      isolated: false,
      logs: ["one"],
      catchingUp: expect.anything(),
      busySeconds: expect.any(Number),
    },
  ]);
  const moves = harness.lines.filter(({ msg }) => msg === "log handed over");
  expect(moves.slice(-2)).toMatchObject([
    { worker: 1, isolated: true },
    { worker: 0, isolated: false },
  ]);
  expect(harness.ledger.read()["isolated"]).toMatchObject({ current: 0, peak: 1 });
}, 30_000);

it("beyond the cap of questions that wait for a worker a further one is refused", async () => {
  harness = await PoolHarness.start("workers: { count: 1 }\n");
  const place = harness.assign("one");
  await untilAllReady();
  const ask = async () => place.worker?.request<"status">(1, { op: "status" });
  const asked = Array.from({ length: QUESTIONS_MAX }, ask);
  await expect(ask()).rejects.toMatchObject({ code: "ERR_OVERLOADED", retryable: true });
  expect(await Promise.all(asked)).toHaveLength(QUESTIONS_MAX);
  expect(harness.ledger.read()["waiters"]).toMatchObject({ current: 0, peak: QUESTIONS_MAX });
  await expect(ask()).resolves.toBeDefined();
});
