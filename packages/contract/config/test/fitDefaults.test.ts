/**
 * Goal: a configuration that says nothing runs on a small machine, and what it says is never changed. Method: the loader with limits from
 * tiny to large, and with random keys given.
 */
import { SAMPLES, mustLoad } from "@annals/kit";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FITTED_KEYS } from "../src/fitDefaults.ts";
import { loadConfig } from "../src/load.ts";
import { configValue } from "../src/show.ts";
import { memoryBudget, shapeOf } from "../src/budget/budget.ts";

const GIBIBYTE = 2 ** 30;
const THREE = "nodes: { a: '127.0.0.1:1', b: '127.0.0.1:2', c: '127.0.0.1:3' }\n";

function load(limit: number, nodes = "", flags: Readonly<Record<string, string>> = {}) {
  const text = `data: /tmp/annals\n${nodes}memory: { limit: ${limit}B }\n`;
  return mustLoad({ text, node: "a", flags: { "workers.count": "4", ...flags } });
}

describe("defaults", () => {
  it("fit one log on a machine of 1 GiB, of which the limit is three quarters", () => {
    const config = mustLoad({
      text: `data: /tmp/annals\nmemory: { limit: ${0.75 * GIBIBYTE}B }\n`,
    });
    expect(memoryBudget(config).bytes).toBeLessThanOrEqual(config.memory.limit);
    expect(config.workers.count).toBe(1);
  });

  it("leave room for a few logs more where that is possible", () => {
    for (const limit of [2, 4, 8].map((factor) => factor * GIBIBYTE)) {
      const config = load(limit, THREE);
      expect(memoryBudget(config, shapeOf(config, 4)).bytes).toBeLessThanOrEqual(limit);
    }
  });

  it("are as documented where there is room, and say where there was none", () => {
    const config = load(64 * GIBIBYTE, THREE);
    expect(config.workers).toMatchObject({ count: 4, maxHeapBytes: 512 << 20 });
    const text = `data: /tmp/annals\nmemory: { limit: ${GIBIBYTE}B }\n`;
    const loaded = loadConfig({ text, env: {} });
    const kinds = loaded.ok ? [...FITTED_KEYS].map((key) => loaded.origin.get(key)?.kind) : [];
    expect(kinds).toContain("fitted");
  });

  it("that were given are never changed, and the others go with them", () => {
    const keys = [...FITTED_KEYS];
    fc.assert(
      fc.property(
        fc.subarray(keys),
        fc.integer({ min: 256 << 20, max: 8 * GIBIBYTE }),
        (given, limit) => {
          const flags = Object.fromEntries(given.map((key) => [key, SAMPLES[key]?.[1] ?? ""]));
          const result = loadConfig({
            text: `data: /tmp/annals\n${THREE}`,
            env: {},
            node: "a",
            flags: { ...flags, "memory.limit": `${limit}B` },
          });
          if (!result.ok) throw new Error(JSON.stringify(result.problems));
          for (const key of given)
            expect([key, configValue(result.config, key)]).toEqual([key, SAMPLES[key]?.[2]]);
          // What it resolves to is a configuration that could have been written.
          const written = Object.fromEntries(
            keys.map((key) => [
              key,
              key === "workers.count"
                ? String(configValue(result.config, key))
                : `${String(configValue(result.config, key))}B`,
            ]),
          );
          const again = loadConfig({
            text: `data: /tmp/annals\n${THREE}`,
            env: {},
            node: "a",
            flags: { ...written, "memory.limit": `${limit}B` },
          });
          expect(again.ok ? [] : again.problems.map(({ message }) => message)).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
