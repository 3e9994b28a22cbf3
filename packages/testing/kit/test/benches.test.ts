// Goal: benches run when somebody needs them. Method: each is run once, as a process, and must print a JSON line.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const packages = join(import.meta.dirname, "../../..");
/** Of these packages they need minutes, or a database that not everybody has. */
const LONG = ["clients/graph", "clients/sinks"];
const run = promisify(execFile);

const programs = readdirSync(packages)
  .flatMap((group) => readdirSync(join(packages, group)).map((name) => `${group}/${name}`))
  .filter((name) => !LONG.includes(name))
  .flatMap((name) => {
    const directory = join(packages, name, "bench");
    const files = readdirSync(join(packages, name)).includes("bench") ? readdirSync(directory) : [];
    return files.filter((file) => file.endsWith(".ts")).map((file) => `${name}/bench/${file}`);
  })
  .toSorted();

test("they are found", () => {
  expect(programs).toContain("node/storage/bench/store.ts");
});

test.each(programs)("%s", { timeout: 60_000 }, async (program) => {
  expect(readFileSync(join(packages, program), "utf8")).toMatch(/isSmoke|runMicroBenches/);
  const args = ["--conditions=annals-source", join(packages, program), "--smoke"];
  const { stdout, stderr } = await run(process.execPath, args);
  expect(stderr).toBe("");
  const lines = stdout.trimEnd().split("\n");
  for (const line of lines) expect(JSON.parse(line)).toBeTypeOf("object");
});
