// Goal: no hostile input does anything but what it may, and a reader that errs is found out, with a small input that shows it.
import { Random } from "@annals/kit";
import { expect, test } from "vitest";
import { fuzzBlock } from "../src/block.ts";
import { TARGETS } from "../src/targets.ts";
import type { FuzzTarget } from "../src/target.ts";

const INPUTS = 1500;
/** Timings are for `pnpm fuzz`, on a machine that does nothing else. */
const NO_CLOCK = Number.POSITIVE_INFINITY;

test.each([...TARGETS].map(([name, target]) => ({ name, target })))(
  "$name: hostile inputs are refused with a code or mean what they say",
  async ({ target }) => {
    for (const sample of target.samples(new Random(1)))
      expect(await target.read(sample)).toMatch(/accepted|ERR_BODY_RATIO/);
    const { failure, inputs, outcomes } = await fuzzBlock(target, 7, INPUTS, NO_CLOCK);
    expect(failure).toBeUndefined();
    expect(inputs).toBe(INPUTS);
    expect(Object.keys(outcomes).length).toBeGreaterThan(2);
  },
  60_000,
);

/** Reads bytes of letters and does what it likes with one of them. */
function faulty(onFound: () => string, allowed = 2 ** 30): FuzzTarget {
  return {
    about: "a planted bug",
    samples: () => [Buffer.alloc(500, "a")],
    read: (bytes) => (bytes.includes(0xff) ? onFound() : "accepted"),
    allowedBytes: () => allowed,
  };
}

test("a reader that throws something uncoded is found out, by one byte", async () => {
  const target = faulty(() => {
    throw new TypeError("planted");
  });
  const { failure } = await fuzzBlock(target, 1, INPUTS, NO_CLOCK);
  expect(failure?.problem).toContain("planted");
  expect([...(failure?.input ?? [])]).toEqual([0xff]);
});

test("a reader that takes more memory than it may is found out", async () => {
  const kept: Uint8Array[] = [];
  const target = faulty(() => {
    kept.push(new Uint8Array(4 * 2 ** 20));
    return "accepted";
  }, 2 ** 20);
  const { failure } = await fuzzBlock(target, 1, INPUTS, NO_CLOCK);
  expect(failure?.problem).toContain("cost");
  kept.length = 0;
}, 30_000);

test("the same seed reads the same inputs", async () => {
  const read: string[][] = [[], []];
  for (const inputs of read) {
    const target: FuzzTarget = {
      ...faulty(() => "refused"),
      read: (bytes) => {
        inputs.push(Buffer.from(bytes).toString("hex"));
        return "accepted";
      },
    };
    await fuzzBlock(target, 3, 50, NO_CLOCK);
  }
  expect(read[0]).toEqual(read[1]);
});
