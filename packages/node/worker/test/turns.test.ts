// Goal: work that came later never overtakes, and a failure holds nobody up.
import { expect, test } from "vitest";
import { Turns } from "../src/turns.ts";

test("runs one at a time in order, the first at once", async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.run(async () => {
    seen.push("first begins");
    await gate.promise;
    seen.push("first ends");
  });
  const failing = turns.run(async () => {
    seen.push("second");
    throw new Error("no");
  });
  const third = turns.run(async () => seen.push("third"));
  expect(seen).toEqual(["first begins"]);
  gate.resolve();
  await expect(failing).rejects.toThrow("no");
  await Promise.all([first, third]);
  expect(seen).toEqual(["first begins", "first ends", "second", "third"]);
  void turns.run(async () => seen.push("at once"));
  expect(seen.at(-1)).toBe("at once");
});
