// Goal: every delivery is timed from when its request was due, whichever of acknowledgement and delivery comes first.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DeliveryClock } from "../src/measure/deliveryClock.ts";

test("acknowledgements and pages in any order: each request is counted once, none is missed", () => {
  const requests = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(requests, fc.array(fc.boolean(), { maxLength: 200 }), (sizes, choices) => {
      const clock = new DeliveryClock();
      clock.delivered(100, 0);
      const ends = sizes.map((_, k) => 100 + sizes.slice(0, k + 1).reduce((a, b) => a + b, 0));
      let [acknowledged, delivered] = [0, 0];
      for (let at = 1; acknowledged < ends.length || delivered < ends.length; at++) {
        const first = choices[at - 1] ?? at % 2 === 0;
        if (acknowledged < ends.length && (first || delivered === ends.length))
          clock.acknowledged(ends[acknowledged++] ?? 0, 0);
        else clock.delivered(ends[delivered++] ?? 0, at);
      }
      expect(clock.summary().count + clock.missed).toBe(ends.length);
      expect(clock.missed).toBe(0);
    }),
  );
});

test("what was delivered longer ago than is remembered is missed, and said", () => {
  const clock = new DeliveryClock();
  for (let to = 1; to <= 20_000; to++) clock.delivered(to, to);
  clock.acknowledged(2, 0);
  expect(clock.missed).toBe(1);
  clock.acknowledged(20_000, 0);
  expect(clock.summary().count).toBe(1);
});
