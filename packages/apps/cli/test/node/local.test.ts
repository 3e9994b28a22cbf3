// Goal: the commands that need no cluster: configurations, a node in the foreground, offline checks, the launcher.
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { NodeConfig } from "@annals/config";
import { PathLock } from "@annals/storage";
import type { FsckReport } from "@annals/storage";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CliRun, cli } from "../harness.ts";
import type { Outcome } from "../harness.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "annals-cli-"));
  writeFileSync(
    join(directory, "good.yaml"),
    "cluster: prod\nnodes: { a: localhost:1, b: localhost:2 }\ndata: ./${node}\n",
  );
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("config", () => {
  test("check names every problem and exits 78", async () => {
    writeFileSync(join(directory, "bad.yaml"), "data: /d\nraft:\n  tik: 1s\n  electionTicks: 0\n");
    const out = await cli(["config", "check", "bad.yaml"], { cwd: directory });
    expect(out).toMatchObject({ code: 78, stdout: "" });
    expect(out.stderr).toContain("2 problems in the configuration (ERR_CONFIG_INVALID)");
    expect(out.stderr).toContain('bad.yaml:3:3: unknown key "raft.tik", did you mean "raft.tick"?');
    expect(out.stderr).toContain("bad.yaml:4:18: raft.electionTicks: 0 is below the least value 1");
    const good = await cli(["config", "check", "good.yaml"], { cwd: directory });
    expect(good.code).toBe(0);
    expect(good.stdout).toMatch(
      /^the configuration of cluster prod is valid: 2 nodes \(a, b\); the cluster survives no failure at a time\n/,
    );
  });

  test("check prints what each queue may need, and exits 78 when it is too much", async () => {
    const argv = ["config", "check", "good.yaml", "--set", "workers.count=2"];
    const out = await cli([...argv, "--set", "memory.limit=1TiB"], { cwd: directory });
    expect(out.stdout).toMatch(
      /^worker\.requests +120 MiB +3 × \(32 MiB \+ 8\.0 MiB\) +ingest\.maxHeldBytes$/m,
    );
    expect(out.stdout).toMatch(/needs at most \d+ MiB, which fits memory\.limit of 1048576 MiB/);
    const json = await cli([...argv, "-o", "json", "--set", "memory.limit=1TiB"], {
      cwd: directory,
    });
    const { memory } = JSON.parse(json.stdout);
    expect(memory).toMatchObject({ limit: 2 ** 40, logs: 1 });
    expect(memory.rows.reduce((sum: number, row: { bytes: number }) => sum + row.bytes, 0)).toBe(
      memory.bytes,
    );
    expect(memory.lowered).toEqual([]);
    const small = await cli([...argv, "--set", "memory.limit=1GiB"], { cwd: directory });
    expect(small).toMatchObject({ code: 0, stdout: expect.stringContaining("which fits") });
    expect(small.stdout).toMatch(
      /^defaults that were lowered to fit memory\.limit or the limit of open files: .*workers\.maxHeapBytes \d+MiB/m,
    );
    expect(small.stdout).not.toMatch(/lowered.*workers\.count/);
    const tight = await cli([...argv, "--set", "memory.limit=400MiB"], { cwd: directory });
    expect(tight).toMatchObject({
      code: 78,
      stdout: expect.stringContaining("which does not fit"),
    });
    expect(tight.stdout).toMatch(/^the configuration of cluster prod does not fit: /);
    expect(tight.stderr).toContain("ERR_MEMORY_LIMIT");
  });

  test("show prints values with their origin; --set and the environment beat the file", async () => {
    const argv = [
      "config",
      "show",
      "good.yaml",
      "--origin",
      "--set",
      "raft.tick=50ms",
      "--node",
      "b",
    ];
    const out = await cli(argv, { cwd: directory, env: { ANNALS_CLUSTER: "other" } });
    expect(out.stdout).toMatch(/^cluster: other +# environment ANNALS_CLUSTER$/m);
    expect(out.stdout).toMatch(/^ {2}tick: 50ms +# flag raft\.tick$/m);
    expect(out.stdout).toMatch(new RegExp(`^data: ${directory}/b +# .*good\\.yaml:3:7$`, "m"));
    expect(
      (await cli(["config", "show", "good.yaml", "--set", "x"], { cwd: directory })).code,
    ).toBe(2);
  });

  test("schema and explain", async () => {
    expect(JSON.parse((await cli(["config", "schema"])).stdout)).toMatchObject({
      title: "Annals configuration",
    });
    expect((await cli(["config", "explain", "raft.tick"])).stdout).toContain("ANNALS_RAFT_TICK");
    expect(await cli(["config", "explain", "raft.tik"])).toMatchObject({ code: 2 });
  });
});

describe("start", () => {
  function fakeNode(): {
    started: NodeConfig[];
    closes: number;
    startNode: (config: NodeConfig) => Promise<never>;
  } {
    const fake = {
      started: [] as NodeConfig[],
      closes: 0,
      startNode: async (config: NodeConfig) => {
        fake.started.push(config);
        let settle: (result: { code: number }) => void = () => undefined;
        const closed = new Promise<{ code: number }>((resolve) => (settle = resolve));
        const close = async (): Promise<void> => {
          fake.closes++;
          settle({ code: 0 });
        };
        return { url: "http://localhost:2", close, closed } as never;
      },
    };
    return fake;
  }

  test("runs the chosen node until Ctrl-C, then closes it", async () => {
    const fake = fakeNode();
    const running = new CliRun(["start", "-c", "good.yaml", "--node", "b"], {
      cwd: directory,
      startNode: fake.startNode,
    });
    await expect
      .poll(() => running.stderr)
      .toContain("node b of cluster prod listens on http://localhost:2");
    expect(fake.started).toMatchObject([{ node: "b", address: { port: 2 } }]);
    expect(fake.closes).toBe(0);
    running.interrupt();
    expect(await running.outcome).toMatchObject({ code: 0, stdout: "" });
    expect(fake.closes).toBe(1);
  });

  test("stops when its stdin ends, if told to", async () => {
    const fake = fakeNode();
    const argv = ["start", "-c", "good.yaml", "--stop-with-stdin"];
    const out = await cli(argv, {
      cwd: directory,
      env: { ANNALS_NODE: "a" },
      startNode: fake.startNode,
    });
    expect(out.code).toBe(0);
    expect(fake.closes).toBe(1);
  });

  test("a port in use is one line, not a stack", async () => {
    const taken = Object.assign(new Error("listen EADDRINUSE: address in use"), {
      code: "EADDRINUSE",
      syscall: "listen",
    });
    const out = await cli(["start", "--data", "d"], {
      cwd: directory,
      startNode: () => Promise.reject(taken),
    });
    expect(out.code).toBe(1);
    expect(out.stderr).toBe(
      "annals: listen EADDRINUSE: address in use (EADDRINUSE)\n  = another program, or another node, has this port\n",
    );
  });

  test("passes a fatal exit code on, and refuses a bad configuration with 78", async () => {
    const startNode = async () => ({
      url: "",
      close: async () => undefined,
      closed: Promise.resolve({ code: 74 }),
    });
    expect(await cli(["start", "--data", "d"], { cwd: directory, startNode })).toMatchObject({
      code: 74,
    });
    expect(await cli(["start", "-c", "good.yaml"], { cwd: directory, startNode })).toMatchObject({
      code: 78,
    });
  });
});

describe("fsck", () => {
  const sound: FsckReport = {
    directory: "/d/logs/2",
    logId: 2,
    name: "audit",
    segments: [{ name: "1", firstIndex: 1, lastIndex: 9, entries: 9, records: 4000, bytes: 1 }],
    firstIndex: 1,
    lastIndex: 9,
    lastSeq: 4000,
    commitIndex: 9,
    headHash: "ab".repeat(32),
    problems: [],
  };

  test("exits 20 on damage and says what to do", async () => {
    expect((await cli(["fsck", "."], { cwd: directory })).stderr).toContain(
      "is no data directory of a node",
    );
    mkdirSync(join(directory, "logs"));
    const problem = {
      kind: "damage",
      where: "/d/logs/2/1",
      index: 5,
      what: "checksum",
      advice: "run `annals fsck` for details; replace the node",
    } as const;
    const damaged = { ...sound, problems: [problem] };
    const good = await cli(["fsck", "."], { cwd: directory, fsckNode: async () => [sound] });
    expect(good.code).toBe(0);
    expect(good.stdout).toMatch(/2 +audit +1 +9 +4 000 +abababababababab +sound/);
    const bad = await cli(["fsck", "."], { cwd: directory, fsckNode: async () => [damaged] });
    expect(bad.code).toBe(20);
    expect(bad.stdout).toContain("damage /d/logs/2/1, index 5: checksum\n  = replace the node");
    const json = await cli(["fsck", ".", "-o", "json"], {
      cwd: directory,
      fsckNode: async () => [damaged],
    });
    expect(JSON.parse(json.stdout)).toMatchObject({ items: [{ problems: [{ index: 5 }] }] });
    expect(await cli(["fsck", "nope"], { cwd: directory })).toMatchObject({ code: 6 });
  });

  test("says that a node runs there: what it writes meanwhile may look like leftovers", async () => {
    mkdirSync(join(directory, "logs"));
    const check = (): Promise<Outcome> =>
      cli(["fsck", "."], { cwd: directory, fsckNode: async () => [sound] });
    const lock = new PathLock(join(directory, "lock"));
    expect((await check()).stderr).toContain(`a node runs on ${directory}`);
    lock.release();
    expect((await check()).stderr).toBe("");
  });
});

describe("the launcher", () => {
  const runFile = promisify(execFile);

  /** The launcher beside a main.js that says who runs it. */
  function install(withNode: boolean): string {
    mkdirSync(join(directory, "bin"));
    mkdirSync(join(directory, "dist"));
    writeFileSync(join(directory, "package.json"), '{"type":"module"}');
    cpSync(new URL("../../bin/annals.cjs", import.meta.url), join(directory, "bin/annals.cjs"));
    writeFileSync(
      join(directory, "dist/main.js"),
      "console.log(process.argv.slice(2).join(), process.version); process.exitCode = 7;",
    );
    if (withNode) {
      const bin = join(directory, `node_modules/node-${process.platform}-${process.arch}/bin`);
      mkdirSync(bin, { recursive: true });
      symlinkSync(process.execPath, join(bin, "node"));
    }
    writeFileSync(
      join(directory, "old.cjs"),
      'Object.defineProperty(process, "versions", { value: { node: "20.1.0" } }); Object.defineProperty(process, "version", { value: "v20.1.0" });',
    );
    return join(directory, "bin/annals.cjs");
  }

  test.each([
    ["on a new Node, in the same process", false, []],
    ["on an old Node, on the one that is installed beside it", true, ["-r", "./old.cjs"]],
  ])("runs the command %s", async (_how, withNode, flags) => {
    const launcher = install(withNode);
    const made = runFile(process.execPath, [...flags, launcher, "x", "--y"], { cwd: directory });
    await expect(made).rejects.toMatchObject({ code: 7, stdout: `x,--y ${process.version}\n` });
  });

  test("says what to install where there is no new Node", async () => {
    const launcher = install(false);
    const made = runFile(process.execPath, ["-r", "./old.cjs", launcher], { cwd: directory });
    await expect(made).rejects.toMatchObject({
      code: 78,
      stderr: expect.stringContaining("this is v20.1.0"),
    });
  });
});

test("fsck names the copies that a resolve has put aside, and what may become of them", async () => {
  mkdirSync(join(directory, "logs", "2.aside-20231114T221320000Z"), { recursive: true });
  const out = await cli(["fsck", directory], { fsckNode: async () => [] });
  expect(out.code).toBe(0);
  expect(out.stderr).toMatch(/logs\/2\.aside-20231114T221320000Z is a copy that was given up/);
});

describe("log resolve", () => {
  test("wants a data directory that is a node's", async () => {
    const foreign = await cli(["log", "resolve", "audit", "--data", "."], { cwd: directory });
    expect(foreign).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${directory} is not the data directory of a node`),
    });
  });
});
