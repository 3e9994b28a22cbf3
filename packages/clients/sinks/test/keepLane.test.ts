// Goal: a lane that nobody has heard of for a lease is given up in time, also when answers are slow. Method: a clock and a lane of the test.
import { ClientError } from "@annals/client";
import type { LaneGrant } from "@annals/client";
import { expect, test } from "vitest";
import { keepLane } from "../src/run/keepLane.ts";
import type { RunnerClock } from "../src/run/ports.ts";

const GRANT: LaneGrant = { lane: 0, lanes: 1, token: 7, position: 0, begin: 0, leaseMs: 300 };

/** Renewals in a row: how long each takes, and whether it is answered. Resolves with the time at which the lane was given up. */
async function givenUpAt(renewals: readonly (readonly [ms: number, answered: boolean])[]) {
  let nowMs = 0;
  const clock: RunnerClock = {
    now: () => nowMs,
    wall: () => nowMs,
    sleep: (ms) => {
      nowMs += ms;
      return Promise.resolve();
    },
  };
  const rest = [...renewals];
  const lane = {
    acquire: () => Promise.resolve(GRANT),
    renew: () => {
      const [ms, answered] = rest.shift() ?? [0, false];
      nowMs += ms;
      const lost = new ClientError("ERR_TIMEOUT", "no answer", { retryable: true });
      return answered ? Promise.resolve() : Promise.reject(lost);
    },
    commit: () => Promise.resolve(),
    release: () => Promise.resolve(),
    holder: () => Promise.resolve(undefined),
  };
  const kept = keepLane(lane, GRANT, clock, new AbortController().signal);
  await expect(kept).rejects.toMatchObject({ code: "ERR_GROUP_FENCED" });
  return nowMs;
}

test("without any answer it is given up after a lease", async () => {
  expect(await givenUpAt([])).toBe(300);
});

test("an answer counts from when it was asked for: the leader may have heard it then", async () => {
  expect(await givenUpAt([[0, true]])).toBe(400);
  // Asked at 100, answered at 350, and not heard again: the lease may have ended at 400.
  expect(await givenUpAt([[250, true]])).toBe(450);
});
