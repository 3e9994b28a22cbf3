/** Goal: options that cannot be carried out are refused by name before any cluster is started. Method: the command in this process. */
import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CliRun } from "../harness.ts";

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "annals-cli-bench-"));
  writeFileSync(join(cwd, "empty.ndjson"), "\n\n");
});

afterEach(() => rmSync(cwd, { recursive: true, force: true }));

test.each([
  ["append --rate fast", "--rate fast: expected a whole number"],
  ["append --transport carrier-pigeon", "expected stream, http, sdk"],
  ["append --format xml", "expected msgpack, json, ndjson"],
  ["append --compression brotli", "expected none, gzip, zstd"],
  ["append --duration soon", "--duration: "],
  ["append --size big", "--size: "],
  ["append --in-flight 0", "--in-flight 0: expected a whole number from 1"],
  ["append --connections 65", "--connections 65: expected a whole number from 1 to 64"],
  ["append --in-flight 200 --connections 2", "at most 64 on each: --connections"],
  ["append --transport http --connections 2", "HTTP has one for each request in flight"],
  ["append --transport sdk", "the SDK has at most 16 requests in flight"],
  ["append --compression gzip", "only HTTP carries compressed bodies"],
  ["append --sample empty.ndjson", "--sample empty.ndjson: the sample holds no record"],
  ["append --log audit", "--log goes with --url"],
  ["append --nodes 2", "--nodes 2: expected 1 or 3"],
  ["mixed --consumers 0", "--consumers 0: expected a whole number from 1"],
  ["consume --records none", "--records none: expected a whole number"],
  ["catchup --nodes 1", "--nodes: catching up needs three"],
])("%s", async (words, message) => {
  const { code, stdout, stderr } = await new CliRun(["bench", ...words.split(" ")], { cwd })
    .outcome;
  expect(stderr).toContain(message);
  expect(code).toBe(2);
  expect(stdout).toBe("");
});
