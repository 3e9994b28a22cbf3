// Goal: what `annals drill` says before anything is started. Method: files in a directory; no cluster.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cli } from "../harness.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "annals-cli-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function file(name: string, ...lines: readonly string[]): void {
  writeFileSync(join(directory, name), `${lines.join("\n")}\n`);
}

test("names every problem of every file by line and column, and exits 78", async () => {
  file("one.yaml", "name: one", "steps: [{ stop: d }]", "expect: [{ converged: true }]");
  file("two.yaml", "name: two", "steps: [{ wait: 1s }]", "expct: [{ converged: true }]");
  const out = await cli(["drill", "one.yaml", "two.yaml"], { cwd: directory });
  expect(out).toMatchObject({ code: 78, stdout: "" });
  expect(out.stderr).toContain("2 problems in the scenario (ERR_SCENARIO)");
  expect(out.stderr).toContain('one.yaml:2:17: unknown node "d", did you mean "a"?');
  expect(out.stderr).toContain('two.yaml:3:1: unknown key "expct", did you mean "expect"?');
});

test("without a file is a mistake, and a missing one is named", async () => {
  expect(await cli(["drill"])).toMatchObject({ code: 2 });
  const out = await cli(["drill", "nowhere.yaml"], { cwd: directory });
  expect(out.code).toBe(1);
  expect(out.stderr).toContain("cannot read nowhere.yaml: there is no such file");
});

test("leaves long scenarios out unless they are asked for, and says so", async () => {
  file(
    "long.yaml",
    "name: hours",
    "size: long",
    "steps: [{ wait: 9h }]",
    "expect: [{ elections: 0 }]",
  );
  const out = await cli(["drill", "long.yaml"], { cwd: directory });
  expect(out.code).toBe(0);
  expect(out.stderr).toContain("– hours: left out, it is long (--long)");
  expect(out.stdout).toContain("0 passed, 0 failed, 0 skipped, 1 long ones left out");
});

test("prints the schema for editors", async () => {
  const out = await cli(["drill", "--schema"]);
  expect(out.code).toBe(0);
  expect(JSON.parse(out.stdout)).toMatchObject({ title: "Annals drill", type: "object" });
});
