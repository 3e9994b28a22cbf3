// Goal: whoever asks a program for help gets it, with examples, and whoever calls it wrongly one line. Method: each is started both ways.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../../..");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

/** The programs of this repository that a script of the root calls, from their sources, and the figures of sinks. */
const CALLED = Object.values(scripts).flatMap((script) =>
  [...script.matchAll(/node ((?:packages|integration-tests)\/\S+\.[jt]s)/g)].map(([, path = ""]) =>
    path.replace("/dist/", "/src/").replace(/\.js$/, ".ts"),
  ),
);

const FIGURES = [
  ...["outage", "takeover", "git"].map((name) => `integration-tests/figures/${name}.ts`),
  ...["exact", "poison", "writers", "rows", "hub"].map(
    (name) => `packages/clients/graph/bench/${name}.ts`,
  ),
];
const PROGRAMS = [...CALLED, ...FIGURES];

function run(
  program: string,
  option: string,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const args = ["--conditions=annals-source", join(ROOT, program), option];
  return spawnSync(process.execPath, args, { encoding: "utf8", cwd: ROOT });
}

test("there are programs", () => {
  expect(PROGRAMS.length).toBeGreaterThan(12);
});

describe.each([...new Set(PROGRAMS)].filter((path) => !path.startsWith("packages/apps/cli/")))(
  "%s",
  (program) => {
    test("--help", { timeout: 60_000 }, () => {
      const { status, stdout, stderr } = run(program, "--help");
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(/^usage: pnpm .*\n[^]*\nexamples:\n {2}\S[^]*\nexit code: 0 /);
    });

    test("an option that there is not", { timeout: 60_000 }, () => {
      const { status, stdout, stderr } = run(program, "--nonsense");
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^.*nonsense.*--help.*\n$/);
    });
  },
);
