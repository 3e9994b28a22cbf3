// Goal: a node's main thread has a bounded heap, also when nobody says so. Method: starts by table; then a process.
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { boundedStart, MAIN_HEAP_FLAGS } from "../../src/node/mainHeap.ts";

const START = {
  platform: "linux",
  execPath: "/bin/node",
  execArgv: ["--import", "x.js"],
  argv: ["/bin/node", "main.js", "start", "-c", "annals.yaml"],
  env: { HOME: "/root" },
};

test("a node becomes itself again: same flags, same arguments, same environment", () => {
  expect(boundedStart(START)).toEqual([
    "/bin/node",
    ["/bin/node", ...MAIN_HEAP_FLAGS, "--import", "x.js", "main.js", "start", "-c", "annals.yaml"],
    { HOME: "/root", MALLOC_ARENA_MAX: "2" },
  ]);
  expect(boundedStart({ ...START, env: { MALLOC_ARENA_MAX: "8" } })?.[2]).toEqual({
    MALLOC_ARENA_MAX: "8",
  });
});

test.each([
  ["its own flags", { execArgv: MAIN_HEAP_FLAGS }],
  ["a flag of the command line", { execArgv: ["--max_old_space_size=4096"] }],
  ["NODE_OPTIONS", { env: { NODE_OPTIONS: "--trace-gc --max-semi-space-size=64" } }],
  ["Windows", { platform: "win32" }],
])("not with %s", (_what, given) => {
  expect(boundedStart({ ...START, ...given })).toBeUndefined();
});

test("V8 takes them for a heap of 512 MiB", () => {
  const script = "console.log(require('node:v8').getHeapStatistics().heap_size_limit)";
  const args = [...MAIN_HEAP_FLAGS, "-e", script];
  const env = { ...process.env, NODE_OPTIONS: "" };
  const limit = execFileSync(process.execPath, args, { encoding: "utf8", env });
  expect(Number(limit)).toBe(512 << 20);
});
