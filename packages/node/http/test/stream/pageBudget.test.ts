// Goal: pages for subscribers never hold more than the cap, and whoever waits gets its turn, in order.
import { GaugeFamily } from "@annals/flow";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { PageBudget } from "../../src/stream/pageBudget.ts";
import type { HeldPage } from "../../src/stream/pageBudget.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("one page of any size passes when nothing is held: at its smallest legal value pages go one by one", async () => {
  const family = new GaugeFamily();
  const budget = new PageBudget(1, family);
  const order: string[] = [];
  const take = async (name: string): Promise<HeldPage> => {
    const page = await budget.take(100);
    order.push(name);
    return page;
  };
  const [first, second, third] = [take("first"), take("second"), take("third")];
  await turn();
  expect(order).toEqual(["first"]);
  const held = await first;
  held.shrinkTo(40);
  await turn();
  expect(order).toEqual(["first"]);
  held.release();
  held.release();
  (await second).release();
  (await third).release();
  expect(order).toEqual(["first", "second", "third"]);
  expect(family.read()).toEqual({ current: 0, peak: 100, largest: 100 });
});

test("a small page does not overtake a large one that waits", async () => {
  const budget = new PageBudget(100);
  const held = await budget.take(60);
  let large = false;
  let small = false;
  const first = budget.take(50).then((page) => {
    large = true;
    return page;
  });
  const second = budget.take(1).then((page) => {
    small = true;
    return page;
  });
  await turn();
  expect([large, small]).toEqual([false, false]);
  held.release();
  (await first).release();
  (await second).release();
});

test("a large page that goes lets in all who fit in its place, in their order", async () => {
  const budget = new PageBudget(100);
  const held = await budget.take(100);
  const order: number[] = [];
  for (const bytes of [40, 30, 30, 1])
    void budget.take(bytes).then(() => {
      order.push(bytes);
    });
  held.shrinkTo(60);
  await turn();
  expect(order).toEqual([40]);
  held.release();
  await turn();
  // Together they hold the cap: the last one waits.
  expect(order).toEqual([40, 30, 30]);
});

test("whatever is taken and given back, the cap holds and everybody gets a turn", async () => {
  const steps = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 60 }), keep: fc.nat(60) }), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (pages) => {
      const family = new GaugeFamily();
      const budget = new PageBudget(100, family);
      await Promise.all(
        pages.map(async ({ bytes, keep }) => {
          const page = await budget.take(bytes);
          page.shrinkTo(keep);
          await turn();
          page.release();
        }),
      );
      expect(family.read().current).toBe(0);
      expect(family.read().peak).toBeLessThanOrEqual(100);
    }),
  );
});
