// Goal: a development cluster fits the machine that it is started on, down to 2 GiB for three nodes. Method: the file that it writes.
import { loadConfig, memoryBudget } from "@annals/config";
import { expect, test } from "vitest";
import { configText, devLayout } from "../../src/node/devFiles.ts";

const GIBIBYTE = 2 ** 30;

test.each([
  [2 * GIBIBYTE, 3, true],
  [64 * GIBIBYTE, 3, false],
  [GIBIBYTE, 1, false],
])("of %i bytes of machine for %i nodes", (machine, nodes, small) => {
  const text = configText(devLayout("/tmp/annals-dev", nodes, 7400), 0.75 * machine);
  const loaded = loadConfig({ text, env: {}, node: "a" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { config } = loaded;
  expect(config.memory.limit).toBe((0.75 * machine) / nodes);
  expect(memoryBudget(config).bytes).toBeLessThanOrEqual(config.memory.limit);
  expect(config.replication.maxMessageBytes < 8 << 20).toBe(small);
});
