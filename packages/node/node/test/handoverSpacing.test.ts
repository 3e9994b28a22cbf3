/**
 * Goal: the interval between two logs that are handed over lies between the moments at which they are, however long the pool was busy before,
 * such as with starting a thread. Method: a pool of real threads whose clock jumps while it buries a worker.
 */
import { until } from "@annals/fake-server";
import { afterEach, expect, it } from "vitest";
import { PoolHarness } from "./poolHarness.ts";

const STAGGER_MS = 100;
const BUSY_MS = 80;

let harness: PoolHarness;

afterEach(() => harness.close());

it("a log is handed over an interval after the one before, not after the pool began to look", async () => {
  const workers = `{ count: 1, maxCatchUps: 8, reassignStagger: ${STAGGER_MS}ms }`;
  harness = await PoolHarness.start(`workers: ${workers}\n`);
  const places = ["one", "two", "three", "four"].map((name) => harness.assign(name));
  await until(() => (places.every(({ opened }) => opened) ? true : undefined));
  let buriedAtMs = 0;
  const write = harness.lines.push.bind(harness.lines);
  Object.assign(harness.lines, {
    push: (line: Readonly<Record<string, unknown>>) => {
      if (line["level"] === 50) {
        harness.aheadMs += BUSY_MS;
        buriedAtMs = harness.now();
      }
      return write(line);
    },
  });
  await harness.poison("four");
  for (const place of places) harness.touch(place);
  await until(() => (harness.pool.restarts > 0 ? true : undefined));
  await harness.cure("four");
  await until(() => {
    // Any event may make the pool look again.
    harness.pool.wake();
    return harness.handedOverAtMs().length >= 3 ? true : undefined;
  });
  const [first = 0, second = 0, third = 0] = harness.handedOverAtMs();
  expect(first).toBeGreaterThanOrEqual(Math.floor(buriedAtMs));
  // The lines carry whole milliseconds.
  expect(second - first).toBeGreaterThanOrEqual(STAGGER_MS - 1);
  expect(third - second).toBeGreaterThanOrEqual(STAGGER_MS - 1);
}, 20_000);

it("nothing is handed to a thread that has not come up, so that it does not meet all of it at once", async () => {
  harness = await PoolHarness.start(
    "workers: { count: 1, maxCatchUps: 8, reassignStagger: 1ms }\n",
  );
  const places = ["one", "two", "three"].map((name) => harness.assign(name));
  // No thread comes up within a turn.
  expect(places.map(({ worker, waitsFor }) => ({ worker, waitsFor }))).toEqual(
    places.map(() => ({ worker: undefined, waitsFor: "worker" })),
  );
  await until(() => (places.every(({ opened }) => opened) ? true : undefined));
  const [first] = places;
  await harness.poison("one");
  if (first !== undefined) harness.touch(first);
  await until(() => (harness.pool.restarts > 0 ? true : undefined));
  await harness.cure("one");
  // Looked at as often as anybody likes, and long after every interval is over.
  for (let look = 0; look < 10; look++) {
    harness.aheadMs += 1000;
    harness.pool.wake();
  }
  expect(harness.handedOverAtMs()).toEqual([]);
  expect(places.map(({ waitsFor }) => waitsFor)).toEqual(places.map(() => "worker"));
  await until(() => (places.every(({ opened }) => opened) ? true : undefined));
}, 20_000);
