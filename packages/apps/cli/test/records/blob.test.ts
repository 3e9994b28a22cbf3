// Goal: attachments go up and come down by the command, and a file is there whole and right, or not at all. Method: the real HTTP API over
// a node in memory.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { cli } from "../harness.ts";
import type { Outcome } from "../harness.ts";

const BYTES = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, k) => k % 249));
const SHA = createHash("sha256").update(BYTES).digest("hex");

let server: TestServer;
let directory: string;

beforeEach(async () => {
  server = await startTestServer();
  directory = mkdtempSync(join(tmpdir(), "annals-cli-"));
  writeFileSync(join(directory, "a.bin"), BYTES);
});
afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

function annals(...argv: readonly string[]): Promise<Outcome> {
  return cli(argv, { env: { ANNALS_URL: server.url, ANNALS_TIMEOUT: "200ms" }, cwd: directory });
}

describe("blob put", () => {
  test("uploads and prints the name, also a second time", async () => {
    for (let k = 0; k < 2; k++) {
      const out = await annals("blob", "put", "a.bin");
      expect(out).toEqual({ code: 0, stdout: `${SHA}  a.bin\n`, stderr: "" });
    }
    expect(server.service.files.saved.get(SHA)).toEqual(BYTES);
  });

  test("prints JSON for programs", async () => {
    const out = await annals("blob", "put", "a.bin", "-o", "ndjson");
    expect(JSON.parse(out.stdout)).toEqual({ file: "a.bin", sha256: SHA, bytes: BYTES.length });
  });

  test("says which file is not there, and which log", async () => {
    const file = await annals("blob", "put", "b.bin");
    expect(file.code).toBe(1);
    expect(file.stderr).toContain("b.bin");
    const log = await annals("blob", "put", "a.bin", "--log", "none");
    expect(log.code).toBe(6);
    expect(log.stderr).toContain("ERR_LOG_NOT_FOUND");
  });
});

describe("blob get", () => {
  test("writes the file", async () => {
    server.service.files.add(BYTES);
    const out = await annals("blob", "get", SHA, "copy.bin");
    expect(out).toEqual({ code: 0, stdout: "", stderr: "copy.bin: 200000 bytes, as named\n" });
    expect(readFileSync(join(directory, "copy.bin"))).toEqual(BYTES);
  });

  test("keeps nothing of bytes that are not what they are called", async () => {
    server.service.files.saved.set(SHA, BYTES.subarray(1));
    const out = await annals("blob", "get", SHA, "copy.bin");
    expect(out.code).toBe(1);
    expect(out.stderr).toContain("ERR_BLOB_DIGEST");
    expect(existsSync(join(directory, "copy.bin"))).toBe(false);
    expect(existsSync(join(directory, "copy.bin.part"))).toBe(false);
  });

  test("of what is not there, and of what is no name", async () => {
    const absent = await annals("blob", "get", SHA, "copy.bin");
    expect(absent.code).toBe(6);
    expect(absent.stderr).toContain("ERR_BLOB_NOT_FOUND");
    expect((await annals("blob", "get", "abc", "copy.bin")).code).toBe(2);
  });
});
