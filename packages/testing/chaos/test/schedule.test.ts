/**
 * Goal: a seed is a schedule, faults keep to the rules of their kind, and every kind is in a mix. Method: schedules of drawn seeds, rates
 * and lengths.
 */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { FAULT_KINDS, FAULTS } from "../src/faultKinds.ts";
import type { Capability, FaultTraits } from "../src/faultKinds.ts";
import { drawMix, MIXES } from "../src/mixes.ts";
import { drawSchedule, struckNodes } from "../src/schedule.ts";
import type { FaultEvent, SchedulePlan } from "../src/schedule.ts";

const NODES = ["a", "b", "c", "d", "e"];

const plans: fc.Arbitrary<SchedulePlan> = fc.record({
  rates: fc.dictionary(fc.constantFrom(...FAULT_KINDS), fc.integer({ min: 1, max: 20_000 })),
  nodes: fc.integer({ min: 3, max: 9 }).map((count) => "abcdefghi".slice(0, count).split("")),
  durationMs: fc.integer({ min: 1, max: 60_000 }),
  seed: fc.nat(),
});

it("gives the same events for the same plan, in order and within the run", () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const events = drawSchedule(plan);
      expect(drawSchedule(plan)).toEqual(events);
      expect(events.map(({ atMs }) => atMs)).toEqual(
        events.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
      );
      for (const { atMs, untilMs } of events) {
        expect(atMs).toBeGreaterThanOrEqual(0);
        expect(untilMs).toBeGreaterThanOrEqual(atMs);
        expect(untilMs).toBeLessThanOrEqual(plan.durationMs);
      }
    }),
  );
});

it("strikes as many distinct nodes as the kind says, with and without a known leader", () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const { nodes } = plan;
      for (const event of drawSchedule(plan)) {
        for (const leader of [undefined, ...nodes]) {
          const struck = struckNodes(event, leader);
          expect(new Set(struck).size).toBe(struck.length);
          expect(fits(struck.length, nodes.length, FAULTS[event.kind].scope)).toBe(true);
          expect(!event.leader || leader === undefined || struck.includes(leader)).toBe(true);
        }
      }
    }),
    { numRuns: 30 },
  );
});

function fits(struck: number, nodes: number, scope: FaultTraits["scope"]): boolean {
  switch (scope) {
    case "one":
      return struck === 1;
    case "minority":
      return struck >= 1 && struck < nodes / 2;
    case "majority":
      return struck >= nodes / 2 && struck <= nodes;
    case "all":
      return struck === nodes;
    default:
      return scope satisfies never;
  }
}

it("leaves what other kinds draw as it is when a kind is added", () => {
  const plan = { nodes: NODES, durationMs: 15_000, seed: 11 };
  const alone = drawSchedule({ ...plan, rates: { freeze: 800 } });
  const both = drawSchedule({ ...plan, rates: { kill: 500, freeze: 800 } });
  expect(both.filter(({ kind }) => kind === "freeze")).toEqual(alone);
  expect(both.length).toBeGreaterThan(alone.length);
});

it("leaves about a quarter of the time without any fault", () => {
  const durationMs = 600_000;
  const events = drawSchedule({ rates: { delay: 1 }, nodes: NODES, durationMs, seed: 3 });
  const struckMs = events.reduce((sum, event: FaultEvent) => sum + event.untilMs - event.atMs, 0);
  const quiet = 1 - struckMs / durationMs;
  expect(quiet).toBeGreaterThan(0.15);
  expect(quiet).toBeLessThan(0.4);
});

it("has a mix for every kind of fault, and twelve mixes of names of their own", () => {
  const mixed = new Set(MIXES.flatMap(({ rates }) => Object.keys(rates)));
  expect([...mixed].toSorted()).toEqual(FAULT_KINDS.toSorted());
  expect(new Set(MIXES.map(({ name }) => name)).size).toBe(12);
});

it("draws the same mix for the same seed, of several kinds that get along with each other", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const mix = drawMix(seed);
      expect(drawMix(seed)).toEqual(mix);
      const kinds = FAULT_KINDS.filter((kind) => mix.rates[kind] !== undefined);
      expect(kinds.length).toBeGreaterThanOrEqual(2);
      const needs = new Set(kinds.map((kind) => FAULTS[kind].needs));
      const mounts = ["powerLoss", "smallDisk"].filter((need) => needs.has(need as Capability));
      expect(mounts.length + (mix.rates.wipe === undefined ? 0 : 1)).toBeLessThanOrEqual(1);
    }),
  );
});
