// Goal: an answer to a question of an earlier life of a replica answers nothing of this one. Method: barriers of two lives, and the
// contexts with which they ask.
import { asIndex } from "@annals/raft";
import { expect, it } from "vitest";
import { ReadBarrier } from "../src/readBarrier.ts";

const ROUNDS = 1000;

interface Life {
  readonly barrier: ReadBarrier;
  readonly contexts: number[];
}

/** `drawn` of all numbers that may be drawn; from the end if it is below 0. */
function begin(drawn: number): Life {
  const contexts: number[] = [];
  const barrier = new ReadBarrier(
    (context) => void contexts.push(context),
    (n) => (drawn < 0 ? n + drawn : drawn),
  );
  return { barrier, contexts };
}

async function read({ barrier, contexts }: Life): Promise<void> {
  const done = barrier.add(0, 1);
  barrier.begin();
  barrier.confirmed([{ context: contexts.at(-1) ?? 0, index: asIndex(1) }]);
  barrier.release(asIndex(1));
  await done;
}

it("no life asks with a context of another one, also of the one that was drawn next to it", async () => {
  for (const drawn of [0, -2]) {
    const [life, next] = [begin(drawn), begin(drawn + 1)];
    for (let k = 0; k < ROUNDS; k++) await read(life);
    await read(next);
    const [first = 0] = next.contexts;
    expect(new Set(life.contexts).size).toBe(ROUNDS);
    expect(life.contexts).not.toContain(first);
    expect(Number.isSafeInteger(first)).toBe(true);
  }
});

it("an answer to a question of an earlier life leaves a reader waiting for the own one", async () => {
  const [before, now] = [begin(0), begin(1)];
  await read(before);
  let answered = false;
  const reading = now.barrier.add(0, 1).then(() => {
    answered = true;
  });
  now.barrier.begin();
  now.barrier.confirmed(before.contexts.map((context) => ({ context, index: asIndex(1) })));
  now.barrier.release(asIndex(1));
  await Promise.resolve();
  expect(answered).toBe(false);
  now.barrier.confirmed(now.contexts.map((context) => ({ context, index: asIndex(1) })));
  now.barrier.release(asIndex(1));
  await reading;
});
