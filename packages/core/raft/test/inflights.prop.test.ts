// Goal: the window of what is in flight counts messages and bytes right, also when the ring grows while it is wrapped. Method: random sends
// and acknowledgements against a plain array.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { asIndex } from "../src/types.ts";
import { Inflights } from "../src/inflights.ts";

const MESSAGES_MAX = 40;

test("frees what is acknowledged and nothing else, whatever came before", () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ bytes: fc.integer({ min: 1, max: 50 }) }) },
    { weight: 1, arbitrary: fc.record({ acks: fc.integer({ min: 1, max: 12 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
      const window = new Inflights(MESSAGES_MAX, 500);
      const plain: { readonly index: number; readonly bytes: number }[] = [];
      let last = 0;
      for (const one of steps) {
        if ("acks" in one) {
          const upTo = (plain[0]?.index ?? 0) + one.acks - 1;
          window.freeUpTo(asIndex(upTo));
          while (plain.length > 0 && (plain[0]?.index ?? 0) <= upTo) plain.shift();
        } else if (plain.length < MESSAGES_MAX) {
          window.add(asIndex(++last), one.bytes);
          plain.push({ index: last, bytes: one.bytes });
        }
        const bytes = plain.reduce((sum, message) => sum + message.bytes, 0);
        expect([window.count, window.bytes]).toEqual([plain.length, bytes]);
        expect(window.full()).toBe(plain.length >= MESSAGES_MAX || bytes >= 500);
      }
    }),
  );
});
