// Goal: a linearizable read ends by its deadline, whatever it waits for. Method: a barrier whose rounds the test confirms by hand.
import { expect, it } from "vitest";
import { asIndex } from "@annals/raft";
import { ReadBarrier } from "../../src/readBarrier.ts";

it("gives up on a read that was confirmed at an index which does not come", async () => {
  // A follower learns the read index, then is cut off before it has the entries up to there.
  const contexts: number[] = [];
  const reads = new ReadBarrier((context) => contexts.push(context));
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
