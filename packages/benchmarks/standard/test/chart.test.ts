// Goal: a picture shows every point within its frame. Method: the coordinates in the SVG, over curves of all kinds, by property.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { lineChart } from "../src/scale/chart.ts";

const amount = fc.double({ min: 0.01, max: 1e9, noNaN: true });
const points = fc.array(fc.tuple(amount, amount), { minLength: 1, maxLength: 10 });

test("every point is inside, also when there is only one or all are equal", () => {
  fc.assert(
    fc.property(points, fc.boolean(), (all, evenY) => {
      const svg = lineChart({
        title: "a < b",
        xTitle: "x",
        yTitle: "y",
        evenY,
        series: [{ name: "one", points: all }],
      });
      const dots = [...svg.matchAll(/<circle cx="([^"]+)" cy="([^"]+)"/g)];
      expect(dots).toHaveLength(all.length);
      for (const [, cx, cy] of dots) {
        expect(Number(cx)).toBeGreaterThanOrEqual(80);
        expect(Number(cx)).toBeLessThanOrEqual(690);
        expect(Number(cy)).toBeGreaterThanOrEqual(50);
        expect(Number(cy)).toBeLessThanOrEqual(320);
      }
      expect(svg).toContain("a &lt; b");
    }),
  );
});
