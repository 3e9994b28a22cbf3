// Goal: a log keeps its place while anything moves in it, and gives it up when nothing has for long. Method: a clock and a replica of the test.
import type { ReplicaStatus } from "@annals/replica";
import { beforeEach, expect, test } from "vitest";
import { CatchUp } from "../src/catchUp.ts";

let nowMs: number;
let raft: { lastIndex: number; applied: number };
let barrier: PromiseWithResolvers<void>;
let ends: boolean[];
let catchUp: CatchUp;

beforeEach(() => {
  nowMs = 0;
  raft = { lastIndex: 9, applied: 0 };
  barrier = Promise.withResolvers();
  ends = [];
  catchUp = new CatchUp({
    replica: { readBarrier: () => barrier.promise, status: () => ({ raft }) as ReplicaStatus },
    silentMs: 100,
    now: () => nowMs,
    onEnd: (progress) => ends.push(progress),
  });
});

function looks(times: number, move: () => void): void {
  for (let k = 0; k < times; k++) {
    nowMs += 60;
    move();
    catchUp.look();
  }
}

test("entries that come, and entries that are applied, are both progress", () => {
  looks(5, () => raft.lastIndex++);
  looks(5, () => raft.applied++);
  expect(ends).toEqual([]);
  looks(2, () => {});
  expect(ends).toEqual([false]);
});

test("it ends once: when all is applied, or when the replica has closed", async () => {
  barrier.resolve();
  await barrier.promise;
  await expect.poll(() => ends).toEqual([true]);
  looks(5, () => {});
  expect(ends).toEqual([true]);
});
