/** Goal: the examples run as their pages say. Method: each as a process against a node of the built command; then the log is read. */
import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ENTRY, TestCluster, until } from "./support/cluster.ts";
import { exitOf } from "./support/program.ts";

const packages = join(import.meta.dirname, "../packages");
const run = promisify(execFile);

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start({ nodes: ["a"] });
  await cluster.untilReady();
});
afterAll(async () => cluster.close());

async function recordsOf(action: string): Promise<readonly string[]> {
  const { items } = await cluster.client("a").read("audit", { action, limit: 1000 });
  return items.map(({ actor, outcome }) => `${actor.id} ${outcome ?? ""}`.trim());
}

it("a program that logs with pino", async () => {
  const env = { ...process.env, ANNALS_URL: cluster.url("a") };
  await run(process.execPath, [join(packages, "clients/pino/examples/login.js")], { env });
  expect(await recordsOf("login")).toEqual(["ada success", "eve denied"]);
});

it("a program with the SDK", async () => {
  const env = { ...process.env, ANNALS_URL: cluster.url("a") };
  const follower = spawn(
    process.execPath,
    [join(packages, "clients/client/examples/threeLines.js")],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env,
    },
  );
  let shown = "";
  follower.stdout.setEncoding("utf8").on("data", (text: string) => (shown += text));
  await until(async () => /^3 \S+ ada login$/m.test(shown));
  follower.kill("SIGINT");
  expect(await exitOf(follower)).toBe("SIGINT");
});

it("a growing file that is followed", async () => {
  const file = join(cluster.directory, "app.ndjson");
  const args = [ENTRY, "append", "--follow", file, "--url", cluster.url("a")];
  const follower = spawn(process.execPath, args, { stdio: "ignore" });
  await run(process.execPath, [join(packages, "apps/cli/examples/growingFile.js"), file, "12"]);
  await until(async () => (await recordsOf("order.shipped")).length === 12);
  follower.kill("SIGINT");
  expect(await exitOf(follower)).toBe(0);
  expect(await recordsOf("order.shipped")).toHaveLength(12);
});

it("a log inside the process", async () => {
  const script = join(packages, "clients/embedded/examples/threeLines.js");
  const path = join(cluster.directory, "embedded");
  for (const lines of [1, 2]) {
    const { stdout } = await run(process.execPath, [script, path]);
    expect(stdout.match(/^\d+ \S+ ada login$/gm)).toHaveLength(lines);
  }
});
