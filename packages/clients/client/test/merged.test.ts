// Goal: several sources become one, and one that brings nothing for long costs nothing meanwhile. Method: sources of known values, and the
// heap after a collection.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { merged } from "../src/merged.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

async function* count(name: string, to: number): AsyncGenerator<string, void> {
  for (let k = 1; k <= to; k++) yield `${name}${k}`;
}

/** Brings nothing until it is let go. */
async function* idle(until: Promise<void>): AsyncGenerator<string, void> {
  await until;
  yield "late";
}

test("brings everything, of each source in its order", async () => {
  const all: string[] = [];
  for await (const one of merged([count("a", 3), count("b", 0), count("c", 2)])) all.push(one);
  expect(all.filter((one) => one.startsWith("a"))).toEqual(["a1", "a2", "a3"]);
  expect(all.filter((one) => one.startsWith("c"))).toEqual(["c1", "c2"]);
  expect(all).toHaveLength(5);
});

test("throws what a source throws", async () => {
  async function* failing(): AsyncGenerator<string, void> {
    yield "one";
    throw new Error("over");
  }
  const all: string[] = [];
  const read = async (): Promise<void> => {
    for await (const one of merged([failing(), idle(new Promise(() => {}))])) all.push(one);
  };
  await expect(read()).rejects.toThrow("over");
  expect(all).toEqual(["one"]);
});

test("keeps nothing of what one source brings while another one brings nothing", async () => {
  const held = Promise.withResolvers<void>();
  const all = merged([count("a", 300_000), idle(held.promise)]);
  for (let k = 0; k < 1_000; k++) await all.next();
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let k = 0; k < 299_000; k++) await all.next();
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 ** 20);
  held.resolve();
  expect(await all.next()).toEqual({ done: false, value: "late" });
  expect(await all.next()).toEqual({ done: true, value: undefined });
});
