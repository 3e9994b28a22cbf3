// Goal: the window of what is in flight and the progress of a member obey their bounds. Method: one object, one call, then its state; the
// window also against a plain list.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asIndex, asMemberId } from "../src/types.ts";
import { Inflights } from "../src/inflights.ts";
import { Progress } from "../src/progress.ts";

function progressAt(match: number, next: number, window = 256): Progress {
  const progress = new Progress(asMemberId(2), asIndex(next), new Inflights(window, 0));
  progress.matchIndex = asIndex(match);
  return progress;
}

// Keeps R34.
describe("inflights", () => {
  test("is full at the message cap and frees up to an index", () => {
    const window = new Inflights(3, 0);
    for (const index of [5, 7, 9]) window.add(asIndex(index), 10);
    expect(window.full()).toBe(true);
    window.freeUpTo(asIndex(4));
    expect(window.count).toBe(3);
    window.freeUpTo(asIndex(8));
    expect([window.count, window.bytes, window.full()]).toEqual([1, 10, false]);
  });

  test("is full at the byte cap, which the last message may exceed", () => {
    const window = new Inflights(100, 50);
    window.add(asIndex(1), 49);
    expect(window.full()).toBe(false);
    window.add(asIndex(2), 1_000);
    expect(window.full()).toBe(true);
    window.freeUpTo(asIndex(2));
    expect([window.bytes, window.full()]).toEqual([0, false]);
  });

  test("refuses a message beyond the message cap", () => {
    const window = new Inflights(1, 0);
    window.add(asIndex(1), 1);
    expect(() => window.add(asIndex(2), 1)).toThrow(/full window/);
  });

  test("behaves like a plain list under any use", () => {
    const use = fc.oneof(
      fc.record({ add: fc.nat(9), size: fc.nat(100) }),
      fc.record({ free: fc.nat(60) }),
      fc.constant("reset" as const),
    );
    fc.assert(
      fc.property(fc.array(use, { maxLength: 60 }), (uses) => {
        const window = new Inflights(8, 300);
        let list: { index: number; size: number }[] = [];
        let last = 0;
        for (const one of uses) {
          if (one === "reset") {
            window.reset();
            list = [];
          } else if ("free" in one) {
            window.freeUpTo(asIndex(one.free));
            list = list.filter(({ index }) => index > one.free);
          } else if (list.length < 8) {
            last += one.add;
            window.add(asIndex(last), one.size);
            list.push({ index: last, size: one.size });
          }
          const bytes = list.reduce((sum, { size }) => sum + size, 0);
          expect([window.count, window.bytes]).toEqual([list.length, bytes]);
          expect(window.full()).toBe(list.length >= 8 || bytes >= 300);
        }
      }),
    );
  });
});

// Keeps R34.
describe("progress", () => {
  test("a probe pauses after one message with entries, not after an empty one", () => {
    const progress = progressAt(0, 5);
    progress.sentEntries(0, 0);
    expect(progress.paused()).toBe(false);
    progress.sentEntries(3, 10);
    expect(progress.paused()).toBe(true);
    expect(progress.nextIndex).toBe(5);
  });

  test("a pipeline runs ahead and pauses when its window is full", () => {
    const progress = progressAt(4, 5, 2);
    progress.becomeReplicate();
    progress.sentEntries(3, 10);
    expect([progress.nextIndex, progress.paused()]).toEqual([8, false]);
    progress.sentEntries(1, 10);
    expect([progress.nextIndex, progress.paused()]).toEqual([9, true]);
  });

  test("a snapshot pauses until it is known what became of it", () => {
    const progress = progressAt(1, 5);
    progress.becomeSnapshot(asIndex(10));
    expect([progress.nextIndex, progress.paused()]).toEqual([11, true]);
    progress.becomeProbe();
    expect([progress.nextIndex, progress.pendingSnapshot, progress.paused()]).toEqual([
      11,
      0,
      false,
    ]);
  });

  test.each([
    { ack: 3, moved: false, match: 3, next: 5 },
    { ack: 2, moved: false, match: 3, next: 5 },
    { ack: 4, moved: true, match: 4, next: 5 },
    { ack: 5, moved: true, match: 5, next: 6 },
    { ack: 9, moved: true, match: 9, next: 10 },
  ])("an ack of $ack at match 3, next 5", ({ ack, moved, match, next }) => {
    const progress = progressAt(3, 5);
    expect(progress.maybeUpdate(asIndex(ack))).toBe(moved);
    expect([progress.matchIndex, progress.nextIndex]).toEqual([match, next]);
  });

  test.each([
    { state: "replicate", match: 5, next: 10, rejected: 5, hint: 5, moved: false, to: 10 },
    { state: "replicate", match: 5, next: 10, rejected: 4, hint: 4, moved: false, to: 10 },
    { state: "replicate", match: 5, next: 10, rejected: 9, hint: 9, moved: true, to: 6 },
    { state: "probe", match: 0, next: 10, rejected: 9, hint: 9, moved: true, to: 9 },
    { state: "probe", match: 0, next: 10, rejected: 9, hint: 2, moved: true, to: 3 },
    { state: "probe", match: 0, next: 10, rejected: 5, hint: 5, moved: false, to: 10 },
    { state: "probe", match: 0, next: 2, rejected: 1, hint: 2, moved: true, to: 1 },
    { state: "probe", match: 4, next: 10, rejected: 9, hint: 1, moved: true, to: 5 },
  ] as const)("$state at $match/$next, rejected $rejected with hint $hint", (scene) => {
    const progress = progressAt(scene.match, scene.next);
    progress.state = scene.state;
    expect(progress.maybeDecrease(asIndex(scene.rejected), asIndex(scene.hint))).toBe(scene.moved);
    expect(progress.nextIndex).toBe(scene.to);
    expect(progress.matchIndex).toBeLessThan(progress.nextIndex);
  });

  test("a commit index is worth sending only within what was sent, and once", () => {
    const progress = progressAt(3, 6);
    expect(progress.canBumpCommit(asIndex(5))).toBe(true);
    progress.sentCommit = asIndex(5);
    expect(progress.canBumpCommit(asIndex(5))).toBe(false);
    expect(progress.canBumpCommit(asIndex(9))).toBe(false);
    progress.becomeProbe();
    expect(progress.sentCommit).toBe(3);
    expect(progress.canBumpCommit(asIndex(5))).toBe(false);
  });
});
