// Goal: a linearizable read ends by its deadline, whatever it waits for. Method: a barrier whose rounds the test confirms by hand.
import { expect, it } from "vitest";
import { asIndex } from "@annals/raft";
import { ReadBarrier } from "../../src/readBarrier.ts";

it("gives up on a read that was confirmed at an index which does not come", async () => {
  // A follower learns the read index, then is cut off before it has the entries up to there.
  const contexts: number[] = [];
  const reads = new ReadBarrier(
    (context) => contexts.push(context),
    () => 0,
  );
  const read = reads.add(0, 100).catch((error: { code: string }) => error.code);
  reads.begin();
  reads.confirmed([{ context: contexts[0] ?? 0, index: asIndex(7) }]);
  reads.release(asIndex(6));
  reads.retry(99);
  expect(reads.waiting).toBe(1);
  reads.retry(100);
  expect(await read).toBe("ERR_NO_QUORUM");
  expect(reads.waiting).toBe(0);
  expect(contexts).toHaveLength(1);
});

it("does not take the answer to a question of an earlier life for the answer to its own", async () => {
  // The leader answers what a follower has asked before it restarted, after it has restarted and asked again: what was committed in
  // between is not covered. Found by the simulator with seed 1795329228681.
  const [asked, askedAgain]: [number[], number[]] = [[], []];
  const lives = [4, 5].values();
  const randomBelow = () => lives.next().value ?? 0;
  const earlier = new ReadBarrier((context) => asked.push(context), randomBelow);
  void earlier.add(0, 100);
  earlier.begin();
  const reads = new ReadBarrier((context) => askedAgain.push(context), randomBelow);
  const read = reads.add(0, 100).catch((error: { code: string }) => error.code);
  reads.begin();
  reads.confirmed([{ context: asked[0] ?? 0, index: asIndex(7) }]);
  reads.release(asIndex(7));
  reads.retry(100);
  expect(await read).toBe("ERR_NO_QUORUM");
  expect(Number.isSafeInteger(askedAgain[0])).toBe(true);
});
