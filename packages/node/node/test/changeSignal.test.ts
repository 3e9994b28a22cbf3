/** Goal: whoever waits for a change is woken by the next one, or by the end of its time, and leaves nothing behind. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ChangeSignal } from "../src/changeSignal.ts";

let signal: ChangeSignal;

beforeEach(() => {
  vi.useFakeTimers();
  signal = new ChangeSignal();
});
afterEach(() => void vi.useRealTimers());

/** Counts the waits that are over. */
function waitTwice(): { over: number } {
  const waits = { over: 0 };
  for (const timeoutMs of [100, 1000])
    void signal.wait(timeoutMs).then(() => {
      waits.over++;
    });
  return waits;
}

it("wakes all who wait, once, and no timer is left", async () => {
  const waits = waitTwice();
  signal.changed();
  expect(vi.getTimerCount()).toBe(0);
  await vi.runAllTimersAsync();
  expect(waits.over).toBe(2);
});

it("ends each wait with its time", async () => {
  const waits = waitTwice();
  await vi.advanceTimersByTimeAsync(99);
  expect(waits.over).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(waits.over).toBe(1);
  await vi.advanceTimersByTimeAsync(900);
  expect(waits.over).toBe(2);
});

it("a change of before wakes nobody, and a time that is over already gives others a turn", async () => {
  signal.changed();
  let over = false;
  void signal.wait(-5).then(() => {
    over = true;
  });
  await Promise.resolve();
  expect(over).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toBe(true);
});
