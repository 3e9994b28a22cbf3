// Goal: lines that cannot be written harm nobody. Method: the device that is always full.
import { loadConfig } from "@annals/server";
import { expect, it } from "vitest";
import { createLogger } from "../../src/node/logger.ts";

it("goes on when the disk of its lines is full", () => {
  const text = 'nodes: { a: "127.0.0.1:1" }\ndata: /nowhere\n';
  const loaded = loadConfig({ text, env: {}, node: "a" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const logger = createLogger(loaded.config, "/dev/full");
  expect(() => {
    for (let k = 0; k < 100; k++) logger.info({ k }, "a line");
  }).not.toThrow();
});
