/**
 * Goal: the interval between two logs that are handed over lies between the moments at which they are, however long the pool was busy before,
 * such as with starting a thread. Method: a pool of real threads whose log line about a death takes longer than half an interval to write.
 */
import { afterEach, expect, it } from "vitest";
import { PoolHarness } from "./poolHarness.ts";
import { until } from "./testNode.ts";

const STAGGER_MS = 100;
const BUSY_MS = 80;

let harness: PoolHarness;

afterEach(() => harness.close());

it("a log is handed over an interval after the one before, not after the pool began to look", async () => {
  const workers = `{ count: 1, maxCatchUps: 8, reassignStagger: ${STAGGER_MS}ms }`;
  harness = await PoolHarness.start(`workers: ${workers}\n`);
  const places = ["one", "two", "three", "four"].map((name) => harness.assign(name));
  await until(() => (places.every(({ opened }) => opened) ? true : undefined));
  const write = harness.lines.push.bind(harness.lines);
  Object.assign(harness.lines, {
    push: (line: Readonly<Record<string, unknown>>) => {
      const until = performance.now() + (line["level"] === 50 ? BUSY_MS : 0);
      while (performance.now() < until);
      return write(line);
    },
  });
  await harness.poison("four");
  for (const place of places) harness.touch(place);
  await until(() => (harness.pool.restarts > 0 ? true : undefined));
  await harness.cure("four");
  const times = (): number[] =>
    harness.lines.filter(({ msg }) => msg === "log handed over").map(({ time }) => Number(time));
  await until(() => {
    // Any event may make the pool look again.
    harness.pool.wake();
    return times().length >= 3 ? true : undefined;
  });
  const [first = 0, second = 0] = times();
  // The lines carry whole milliseconds.
  expect(second - first).toBeGreaterThanOrEqual(STAGGER_MS - 1);
}, 20_000);
