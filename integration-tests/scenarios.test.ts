/**
 * Goal: what the scenarios of size short expect holds. Method: `annals drill`, the built command, on each of them; the other ones are run by
 * `pnpm drill`.
 */
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseScenario } from "@annals/drill";
import { expect, it } from "vitest";
import { ENTRY } from "./support/cluster.ts";

const DIRECTORY = join(import.meta.dirname, "scenarios");

const short = readdirSync(DIRECTORY, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => join(DIRECTORY, name))
  .map((path) => ({ path, ...parseScenario(readFileSync(path, "utf8"), path) }))
  .filter(({ size }) => size === "short");

interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function drill(path: string): Promise<Answer> {
  const child = spawn(process.execPath, [ENTRY, "drill", "-o", "ndjson", path], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString("utf8")));
  child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString("utf8")));
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

it.for(short)("$name", async ({ path }, { skip }) => {
  const { code, stdout, stderr } = await drill(path);
  if (code !== 0) console.error(stderr);
  expect(code).toBe(0);
  const { result, why } = JSON.parse(stdout) as { result: string; why?: string };
  if (result === "skipped") skip(why);
  expect(result).toBe("passed");
});
