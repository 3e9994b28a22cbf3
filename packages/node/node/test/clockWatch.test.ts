/**
 * Goal: the clocks of the others are heard, passed on and told: a line when one goes wrong, and one when all agree again. Method: answers of
 * peers as the test says, and timers moved by hand.
 */
import { mustLoad } from "@annals/kit";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clockStatus, nodeClocks } from "../src/clockReport.ts";
import { ClockWatch } from "../src/clockWatch.ts";
import type { HeardClock } from "../src/clockWatch.ts";

const config = mustLoad({
  text: 'nodes: { a: "127.0.0.1:1", b: "127.0.0.1:2", c: "127.0.0.1:3" }\ndata: /d\nclock: { maxSkew: 1s }\n',
  node: "a",
});

let lines: (readonly [string, Record<string, unknown>, string])[];
let watch: ClockWatch;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  lines = [];
  const line = (level: string) => (fields: unknown, text?: string) =>
    void lines.push([level, fields as Record<string, unknown>, text ?? ""]);
  watch = new ClockWatch(config, { warn: line("warn"), info: line("info") } as never);
});
afterEach(() => {
  watch.close();
  vi.useRealTimers();
});

/** A node answers that its clock shows so much more than the one here. */
function answer(node: string, offsetMs: number): void {
  const questions = watch.questions(node);
  const { token } = questions.next();
  questions.answered({ kind: "tellTime", token, wallTime: Date.now() + offsetMs });
}

it("tells a clock that goes wrong once, and when all agree again", () => {
  answer("b", 0);
  answer("c", 0);
  vi.advanceTimersByTime(2000);
  expect(lines).toEqual([]);
  answer("c", 60_000);
  vi.advanceTimersByTime(3000);
  expect(lines).toMatchObject([["warn", { off: ["c"] }, "a clock is wrong"]]);
  expect(watch.reasons()).toEqual([expect.stringContaining("c")]);
  answer("c", 0);
  vi.advanceTimersByTime(2000);
  expect(lines.slice(1)).toMatchObject([["info", { clock: "agreed" }, "the clocks agree again"]]);
  expect(watch.reasons()).toEqual([]);
});

it("passes each answer on, and keeps the last one of each node for workers to come", () => {
  const heard: HeardClock[] = [];
  watch.onHeard = (one) => void heard.push(one);
  answer("b", 5);
  answer("c", 5);
  answer("b", 60_000);
  expect(heard.map(({ node }) => node)).toEqual(["b", "c", "b"]);
  expect(watch.heard()).toEqual([heard[2], heard[1]]);
});

it("of a node that hears of nobody nothing is told", () => {
  vi.advanceTimersByTime(10_000);
  expect([watch.view().kind, lines]).toEqual(["alone", []]);
});

it("looks no more after its end", () => {
  watch.close();
  expect(vi.getTimerCount()).toBe(0);
});

describe("what the status says", () => {
  const peer = { node: "b", offsetMs: 1.23456, uncertaintyMs: 0.98765, off: true };
  const view = {
    kind: "off",
    held: true,
    stampOffsetMs: -3.00049,
    ownOffsetMs: 7.11111,
    uncertaintyMs: 2.22222,
    peers: [peer],
  } as const;

  it("is in microseconds", () => {
    expect(clockStatus(view)).toEqual({
      state: "off",
      held: true,
      stampOffsetMs: -3,
      offsetMs: 7.111,
      uncertaintyMs: 2.222,
    });
    const unknown = clockStatus({ ...view, ownOffsetMs: undefined, uncertaintyMs: undefined });
    expect([unknown.offsetMs, unknown.uncertaintyMs]).toEqual([undefined, undefined]);
  });

  it("has a clock for each node that is heard of, the own one at 0", () => {
    expect([...nodeClocks("a", view)]).toEqual([
      ["a", { offsetMs: 0, uncertaintyMs: 0, off: true }],
      ["b", { offsetMs: 1.235, uncertaintyMs: 0.988, off: true }],
    ]);
    expect(nodeClocks("a", { ...view, kind: "agreed" }).get("a")?.off).toBe(false);
  });
});
