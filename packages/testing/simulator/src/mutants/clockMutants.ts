import { HandOverPace, StampClock } from "@annals/replica";
import type { Mutant } from "../world/mutant.ts";

/** FAULT MODULE: bugs in how clocks are compared. */
export const CLOCK_MUTANTS: readonly Mutant[] = [
  {
    name: "own-clock-believed",
    bug: "a leader stamps with its own clock, whatever the others show",
    install: () =>
      patch(StampClock.prototype, "stampAfter", function stampAfter(this: StampClock, last) {
        const own = this.time() - this.view().stampOffsetMs;
        return Math.max(last, Math.floor(own));
      }),
  },
  {
    name: "clock-offset-sign",
    bug: "a clock that is behind the own one is taken for one that is ahead of it by as much",
    hearClock: (stamps, node, sample, ownOriginMs) =>
      stamps.heard(node, { ...sample, originMs: 2 * ownOriginMs - sample.originMs }),
  },
  {
    name: "two-clocks-believed",
    bug: "each other clock counts twice, so that of two that differ the other one is believed",
    nodes: 2,
    hearClock: (stamps, node, sample) => {
      stamps.heard(node, sample);
      stamps.heard(`${node} again`, sample);
    },
  },
  {
    name: "hand-over-unbounded",
    bug: "a leader with a wrong clock hands over again with every tick",
    install: () => patch(HandOverPace.prototype, "tryTake", () => true),
  },
];

/** Returns what puts the original back. */
function patch<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  instead: T[K],
): () => void {
  const original = prototype[name];
  prototype[name] = instead;
  return () => void (prototype[name] = original);
}
