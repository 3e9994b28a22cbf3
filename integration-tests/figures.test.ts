/** Goal: the program that measures outages of a sink's place finds nothing missing. Method: short ones, of each kind of place. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { exitOf } from "./support/program.ts";

it.each(["webhook", "bolt"])("a %s that was away has every record", async (to) => {
  const program = join(import.meta.dirname, "figures/outage.ts");
  const sizes = ["--records", "300", "--seconds", "3", "--rate", "20", "--settle", "1"];
  const args = ["--to", to, ...sizes];
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [printed, code] = await Promise.all([text(child.stdout), exitOf(child)]);
  expect(code).toBe(0);
  const found: unknown = JSON.parse(printed);
  expect(found).toMatchObject({ to, missing: 0, deadLetters: 0, residual: 0 });
});
