// Goal: where nobody leads, somebody stands well before the election timeout, and never against a leader that is heard of.
import { asMemberId, NOBODY } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import type { Replica } from "@annals/replica";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Mock } from "vitest";
import { standUnlessLed, succeed } from "../src/succession.ts";

const RAFT = { tick: 100, heartbeatTicks: 2 };
const LED = asMemberId(2);

interface Stander {
  leader: MemberId;
  readonly campaign: Mock<() => void>;
  readonly reportUnreachable: Mock<(member: MemberId, gone: boolean) => void>;
  readonly replica: Replica;
}

/** The part of a replica that stands for election. */
function standerOf(leader: MemberId = NOBODY, term = 1): Stander {
  const stander = {
    leader,
    status: () => ({ raft: { term } }),
    campaign: vi.fn<() => void>(),
    reportUnreachable: vi.fn<(member: MemberId, gone: boolean) => void>(() => {
      stander.leader = NOBODY;
    }),
  };
  return Object.assign(stander, { replica: stander as unknown as Replica });
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a leader has three heartbeats to be heard of; then this member stands, a few times", () => {
  const stander = standerOf();
  standUnlessLed(stander.replica, RAFT);
  vi.advanceTimersByTime(3 * 2 * 100 - 1);
  expect(stander.campaign).not.toHaveBeenCalled();
  vi.advanceTimersByTime(3 * 100);
  expect(stander.campaign).toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(stander.campaign).toHaveBeenCalledTimes(4);
});

test("a member that knows a leader, or hears of one meanwhile, does not stand", () => {
  const stander = standerOf(LED);
  standUnlessLed(stander.replica, RAFT);
  stander.leader = NOBODY;
  vi.advanceTimersByTime(60_000);
  standUnlessLed(stander.replica, RAFT);
  stander.leader = LED;
  vi.advanceTimersByTime(60_000);
  expect(stander.campaign).not.toHaveBeenCalled();
});

test("of a new log nobody stands before the one that is to lead it first", () => {
  const stander = standerOf(NOBODY, 0);
  standUnlessLed(stander.replica, RAFT);
  vi.advanceTimersByTime(60_000);
  expect(stander.campaign).not.toHaveBeenCalled();
});

test("a member whose leader is gone forgets it, and stands without waiting for heartbeats", () => {
  const stander = standerOf(LED);
  succeed(stander.replica, RAFT.tick);
  expect(stander.reportUnreachable).toHaveBeenCalledWith(LED, true);
  vi.advanceTimersByTime(3 * 100);
  expect(stander.campaign).toHaveBeenCalled();
  stander.leader = LED;
  stander.campaign.mockClear();
  vi.advanceTimersByTime(60_000);
  expect(stander.campaign).not.toHaveBeenCalled();
});
