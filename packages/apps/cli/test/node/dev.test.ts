// Goal: `annals dev` brings up processes, says what happens to them, starts them again, and leaves none behind. Method: real child
// processes that stand for nodes.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CliRun, cli } from "../harness.ts";
import type { CliOptions, Outcome } from "../harness.ts";

let directory: string;
let port: number;
let running: CliRun[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "annals-dev-"));
  port = await freePorts(3);
  running = [];
});
afterEach(async () => {
  for (const run of running) {
    run.interrupt();
    await run.outcome;
  }
  rmSync(directory, { recursive: true });
});

function listen(at: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(at, "127.0.0.1", () => resolve(server));
  });
}

/** The first of some neighbouring ports on which nobody listens. */
async function freePorts(count: number): Promise<number> {
  for (let first = 20_000 + Math.floor(Math.random() * 20_000); ; first += count) {
    const servers = await Promise.all(Array.from({ length: count }, (_, k) => listen(first + k)));
    await Promise.all(
      servers.map(
        (server) => new Promise((resolve) => (server ? server.close(resolve) : resolve(0))),
      ),
    );
    if (servers.every((server) => server !== undefined)) return first;
  }
}

function argv(...more: string[]): string[] {
  return ["dev", "--port", String(port), "--data", "data", ...more];
}

function options(env: CliOptions["env"] = {}): CliOptions {
  return { cwd: directory, env: { ...process.env, ...env } };
}

async function startDev(
  more: readonly string[] = [],
  env: CliOptions["env"] = {},
): Promise<CliRun> {
  const run = new CliRun(argv(...more), options({ ANNALS_DATA: "/wrong", ...env }));
  running.push(run);
  await expect.poll(() => run.stdout, { timeout: 10_000 }).toContain("Try, in another");
  return run;
}

test.each([
  [{}, "annals"],
  [{ npm_lifecycle_event: "npx", npm_config_user_agent: "npm/11.19.1 node/v22" }, "npx annals"],
  [{ npm_lifecycle_event: "up", npm_config_user_agent: "npm/11.19.1 node/v22" }, "npx annals"],
  [
    { npm_lifecycle_event: "start", npm_config_user_agent: "pnpm/12.21.0 npm/?" },
    "npx -y pnpm@12.21.0 annals",
  ],
])("what to try is called as the command was: %o, %s", async (env, prefix) => {
  const callers = { npm_lifecycle_event: undefined, npm_config_user_agent: undefined };
  const run = await startDev([], { ...callers, ...env });
  await expect.poll(() => run.stdout).toContain("kill-leader");
  expect(run.stdout).toContain(`\n  ${prefix} append --url`);
  expect(run.stdout).toContain(`\n  ${prefix} dev kill-leader`);
});

function starts(): string[] {
  return readFileSync(join(directory, "data/starts"), "utf8").trim().split("\n");
}

async function stop(run: CliRun): Promise<Outcome> {
  run.interrupt();
  return run.outcome;
}

describe("annals dev", () => {
  test("starts every node, says where they are and what to try, and stops them", async () => {
    const run = await startDev();
    expect(run.stdout).toMatch(/^ready: 3 nodes in /m);
    for (const k of [0, 1, 2])
      expect(run.stdout).toMatch(new RegExp(`http://127.0.0.1:${port + k} +pid \\d+`));
    const commands = run.stdout.split("\n").filter((line) => /^ {2}(annals|npx) /.test(line));
    expect(commands).toHaveLength(3);
    expect(commands.join("\n")).toMatch(/append[^]*query[^]*kill-leader/);
    expect(starts().toSorted()).toEqual(["a", "b", "c"]);
    // Variables of this shell that are keys would override the file for all nodes alike.
    expect(readFileSync(join(directory, "data/a.log"), "utf8")).toContain("ANNALS_DATA=undefined");
    expect(await stop(run)).toMatchObject({ code: 0 });
    await expect(fetch(`http://127.0.0.1:${port}/readyz`)).rejects.toThrow("fetch failed");
  });

  test("starts a node that dies again, and says so", async () => {
    const run = await startDev();
    await fetch(`http://127.0.0.1:${port + 1}/die`).catch(() => undefined);
    await expect
      .poll(() => run.stderr, { timeout: 10_000 })
      .toContain("node b died (killed by SIGKILL); starting it again");
    await expect
      .poll(() => run.stderr, { timeout: 10_000 })
      .toMatch(/node b is back \(pid \d+\): ready after/);
    expect(starts().filter((id) => id === "b")).toHaveLength(2);
    expect(await stop(run)).toMatchObject({ code: 0 });
  });

  test("a node that does not start is told with its last words", async () => {
    const out = await cli(argv("--nodes", "2"), options({ FAKE_FAIL: "b" }));
    expect(out.code).toBe(1);
    expect(out.stderr).toContain("node b did not start (exit code 74)");
    expect(out.stderr).toContain("the disk is on fire");
    await expect(fetch(`http://127.0.0.1:${port}/readyz`)).rejects.toThrow("fetch failed");
  });

  test("keeps data unless told otherwise, and never takes what is not its own", async () => {
    await stop(await startDev(["--nodes", "1"]));
    const kept = join(directory, "data/a.log");
    writeFileSync(join(directory, "data/mine.txt"), "");
    const other = await cli(argv("--nodes", "3"), options());
    expect(other).toMatchObject({ code: 1 });
    expect(other.stderr).toContain("is of 1 nodes, not 3");
    expect(readFileSync(kept, "utf8").split("ANNALS_DATA")).toHaveLength(2);
    await stop(await startDev(["--nodes", "3", "--fresh"]));
    expect(readFileSync(kept, "utf8").split("ANNALS_DATA")).toHaveLength(2);
    expect(existsSync(join(directory, "data/mine.txt"))).toBe(true);
    writeFileSync(join(directory, "data/annals.yaml"), "cluster: prod\n");
    expect((await cli(argv("--fresh"), options())).stderr).toContain(
      "was not written by annals dev",
    );
  });

  test("a port in use is named", async () => {
    const taken = await listen(port + 2);
    const out = await cli(argv(), options());
    expect(out.code).toBe(1);
    expect(out.stderr).toContain(`port ${port + 2} is in use (ERR_DEV_PORT)`);
    await new Promise((resolve) => taken?.close(resolve));
  });

  test("Ctrl-C while nodes start is an orderly end", async () => {
    const run = new CliRun(argv(), options());
    run.interrupt();
    expect(await run.outcome).toMatchObject({ code: 0 });
  });
});
