// Goal: a bound that does not hold is told although nobody asks for the status. Method: a node without workers, a queue that is too full, and a
// clock moved by hand.
import { Ledger } from "@annals/flow";
import { mustLoad } from "@annals/kit";
import pino from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Gateway } from "../src/gateway.ts";
import { NodeMemory } from "../src/nodeMemory.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const config = mustLoad({ text: "data: /tmp/annals\n" });
const gateway = { pool: { workers: [] }, logCount: 1 } as unknown as Gateway;
const { maxHeldBytes } = config.ingest;

test("told once, by itself, and not after the end", async () => {
  const lines: string[] = [];
  const logger = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
  const ledger = new Ledger();
  const memory = new NodeMemory({ config, logger, ledger });
  memory.watch(gateway);
  const requests = ledger.family("requests").gauge(maxHeldBytes);
  requests.add(maxHeldBytes);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines).toEqual([]);
  requests.add(maxHeldBytes);
  requests.remove(2 * maxHeldBytes);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("requests held ");
  memory.close();
  expect(vi.getTimerCount()).toBe(0);
});
