/** Goal: a node that stops waits for its last answer and no longer. Method: responses that the test ends. */
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { InFlight } from "../src/inFlight.ts";

let inFlight: InFlight;

beforeEach(() => {
  vi.useFakeTimers();
  inFlight = new InFlight();
});
afterEach(() => void vi.useRealTimers());

function request(): EventEmitter {
  const response = new EventEmitter();
  inFlight.track(response as unknown as ServerResponse);
  return response;
}

function idle(timeoutMs: number): { over: boolean } {
  const wait = { over: false };
  void inFlight.untilIdle(timeoutMs).then(() => {
    wait.over = true;
  });
  return wait;
}

it("waits for the last of several, and leaves no timer", async () => {
  const [one, other] = [request(), request()];
  const wait = idle(1000);
  one.emit("close");
  await vi.advanceTimersByTimeAsync(0);
  expect(wait.over).toBe(false);
  other.emit("close");
  await vi.advanceTimersByTimeAsync(0);
  expect([wait.over, vi.getTimerCount()]).toEqual([true, 0]);
});

it("gives up after its time", async () => {
  request();
  const wait = idle(1000);
  await vi.advanceTimersByTimeAsync(999);
  expect(wait.over).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(wait.over).toBe(true);
});

it("has nothing to wait for when all was answered", async () => {
  request().emit("close");
  const wait = idle(1000);
  await Promise.resolve();
  expect([wait.over, vi.getTimerCount()]).toEqual([true, 0]);
});
