/**
 * Goal: what is released installs and runs where nothing of this repository is. Method: the tarballs are looked into, then installed by the
 * npm of an older Node into an empty folder with an empty home, and the command, a sink and the SDK run from there.
 */
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { publint } from "publint";
import { until } from "../support/cluster.ts";
import { exitOf } from "../support/program.ts";
import { freePort } from "../refusals/freePort.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");
const RELEASE = join(ROOT, "scripts/release/main.ts");
/** What the SDK is promised to run on. */
const OLD_NODE = dirname(createRequire(import.meta.url).resolve("node-22/bin/node"));

/** No package needs its install script: what it would compile comes compiled. */
const INSTALL = ["install", "--ignore-scripts", "--no-audit", "--no-fund"];
const PACKAGES = 24;
/** Packages that promise to run on the oldest Node; their tests are run by it. */
const ON_OLD_NODE = ["core/flow", "core/record", "clients"];
const NEEDED = ["package/package.json", "package/LICENSE", "package/README.md"];
/** All packages have the same. */
const VERSION = "0.1.0";

let work: string;
let folder: string;
let tarballs: readonly string[];
let port: number;
let dev: ChildProcess | undefined;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), "annals-install-"));
  folder = join(work, "folder");
  for (const name of ["folder", "home"]) mkdirSync(join(work, name));
  await run(process.execPath, [RELEASE, "--out", join(work, "release"), "npm"], { cwd: ROOT });
  const names = readdirSync(join(work, "release/npm"));
  tarballs = names.map((name) => join(work, "release/npm", name));
  port = await freePort();
});
afterAll(async () => {
  if (dev !== undefined) {
    const ended = exitOf(dev);
    dev.kill("SIGINT");
    await ended;
  }
  rmSync(work, { recursive: true, force: true });
});

/** As somebody has it who has installed Node 22 and nothing else. */
function environment(): NodeJS.ProcessEnv {
  const { HOME: _home, NODE_OPTIONS: _options, ...rest } = process.env;
  const others = Object.entries(rest).filter(
    ([name]) => !/^(npm_|PNPM_|pnpm_|VITEST|INIT_CWD)/.test(name),
  );
  // npm links the Node that the command brings among the commands of the folder, too.
  const path = [OLD_NODE, join(folder, "node_modules/.bin"), "/usr/bin", "/bin"].join(":");
  return { ...Object.fromEntries(others), HOME: join(work, "home"), PATH: path };
}

async function inFolder(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(program, [...args], { cwd: folder, env: environment() });
  return stdout + stderr;
}

const url = (): string => `http://127.0.0.1:${port}`;

/** What is wrong with a tarball, in words. */
async function faultsOf(tarball: string): Promise<readonly string[]> {
  const { stdout } = await run("tar", ["-tzf", tarball]);
  const files = stdout.trim().split("\n");
  const manifest = (await run("tar", ["-xzOf", tarball, "package/package.json"])).stdout;
  const { version, license }: Record<string, string> = JSON.parse(manifest);
  const bytes = readFileSync(tarball);
  const whole = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const { messages } = await publint({ pack: { tarball: whole }, strict: true });
  return [
    ...files.filter((file) => /\/test\/|\.map$|\.tsbuildinfo$|\/src\//.test(file)),
    ...NEEDED.filter((file) => !files.includes(file)).map((file) => `no ${file}`),
    ...(manifest.match(/workspace:|annals-source|"private"|devDependencies/g) ?? []),
    ...(version === VERSION && license === "Apache-2.0" ? [] : [`${version}, ${license}`]),
    ...messages.map((message) => JSON.stringify(message)),
  ];
}

it("every tarball has what it needs and nothing of the tests", async () => {
  expect(tarballs).toHaveLength(PACKAGES);
  const faults = await Promise.all(tarballs.map(faultsOf));
  expect(tarballs.map((tarball, k) => [tarball, faults[k]])).toEqual(
    tarballs.map((tarball) => [tarball, []]),
  );
});

it("installs without a warning, and the first line is none", async () => {
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const npm = realpathSync("/usr/bin/npm");
  const said = await inFolder("node", npm, ...INSTALL, ...tarballs);
  expect(said.match(/^.*warn.*$/gim)).toBeNull();
  expect(await inFolder("node", "--version")).toMatch(/^v22\./);
  expect(await inFolder("annals", "version")).toMatch(/^annals 0\.1\.0 \(node v24\./);
}, 300_000);

it("a cluster runs, takes records and gives them back", async () => {
  dev = spawn("annals", ["dev", "--port", String(port)], {
    cwd: folder,
    env: environment(),
    stdio: "ignore",
  });
  await until(async () => (await fetch(`${url()}/readyz`).catch(() => undefined))?.status === 200);
  const append = ["append", "--actor", "ada", "--action", "file.deleted", "--target", "report.pdf"];
  expect(await inFolder("annals", ...append, "--url", url())).toContain("1 record");
  const query = ["query", "--action", "file.*", "--url", url(), "-o", "ndjson"];
  expect(JSON.parse(await inFolder("annals", ...query))).toMatchObject({
    seq: 1,
    actor: { id: "ada" },
  });
});

it("a sink writes what was appended", async () => {
  const file = join(folder, "sinks.yaml");
  writeFileSync(
    file,
    `url: ${url()}\nsinks:\n  files: { log: audit, to: { ndjson: { directory: out } } }\n`,
  );
  const listen = `127.0.0.1:${await freePort()}`;
  const runner = spawn("annals", ["sink", "run", file, "--listen", listen], {
    cwd: folder,
    env: environment(),
    stdio: "ignore",
  });
  const written = (): string => {
    const out = join(folder, "out");
    const names = readdirSync(out, { recursive: true, encoding: "utf8" });
    return names
      .filter((name) => name.endsWith(".ndjson"))
      .map((name) => readFileSync(join(out, name), "utf8"))
      .join("");
  };
  await until(async () => {
    try {
      return written().includes("report.pdf");
    } catch {
      return false;
    }
  });
  const ended = exitOf(runner);
  runner.kill("SIGINT");
  expect(await ended).toBe(0);
});

it("the SDK works on the oldest Node that it promises", async () => {
  const script = `
    import { AnnalsClient } from "@annals/client";
    const client = new AnnalsClient({ urls: [${JSON.stringify(url())}] });
    const writer = client.writer("audit", { id: "script" });
    await writer.append({ actor: { id: "eve" }, action: "login", outcome: "denied" });
    await writer.close();
    for await (const { seq, actor } of client.subscribe("audit", { from: "first" })) {
      console.log(seq, actor.id);
      if (actor.id === "eve") break;
    }
    await client.close();
    console.log(process.version);
  `;
  writeFileSync(join(folder, "script.js"), script);
  expect(await inFolder("node", "script.js")).toMatch(/^1 ada\n2 eve\nv22\./);
});

it("the tests of what promises to run on that Node pass on it", async () => {
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const names = ON_OLD_NODE.map((name) => join("packages", name));
  const args = [vitest, "run", "--project", "unit", ...names];
  const { stdout } = await run(join(OLD_NODE, "node"), args, { cwd: ROOT });
  expect(stdout).toMatch(/Test Files .*passed/);
}, 600_000);
