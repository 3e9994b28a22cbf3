// Goal: lines that cannot be written harm nobody. Method: the device that is always full.
import { loadConfig } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { expect, it } from "vitest";
import { createLogger, linesDropped } from "../src/logger.ts";

function configured(): NodeConfig {
  const text = 'nodes: { a: "127.0.0.1:1" }\ndata: /nowhere\n';
  const loaded = loadConfig({ text, env: {}, node: "a" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

it("goes on when the disk of its lines is full", () => {
  const logger = createLogger(configured(), "/dev/full");
  expect(() => {
    for (let k = 0; k < 100; k++) logger.info({ k }, "a line");
  }).not.toThrow();
});

it("drops lines that nobody takes, and counts them", () => {
  const logger = createLogger(configured(), "/dev/full");
  const before = linesDropped();
  const text = "x".repeat(100_000);
  for (let k = 0; k < 20; k++) logger.info(text);
  expect(linesDropped() - before).toBeGreaterThanOrEqual(9);
  expect(linesDropped() - before).toBeLessThan(20);
});
