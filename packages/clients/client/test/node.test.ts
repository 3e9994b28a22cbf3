// Goal: on Node a file goes up as a blob without being held, and comes down whole and right, or not at all. Method: the real HTTP API over a node
// in memory, and a folder.
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { AnnalsClient } from "../src/annalsClient.ts";
import { fileBlob, saveBlob } from "../src/node/index.ts";

const BYTES = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, k) => k % 249));
const SHA = createHash("sha256").update(BYTES).digest("hex");

let server: TestServer;
let client: AnnalsClient;
let directory: string;
let path: string;

beforeEach(async () => {
  server = await startTestServer();
  client = new AnnalsClient({ urls: [server.url], retryForMs: 0 });
  directory = mkdtempSync(join(tmpdir(), "annals-client-"));
  path = join(directory, "a.bin");
});
afterEach(async () => {
  client.close();
  await server.close();
  rmSync(directory, { recursive: true });
});

describe("a file as a blob", () => {
  test("goes up under its hash, as often as it is sent", async () => {
    writeFileSync(path, BYTES);
    const blob = await fileBlob(path);
    for (let k = 0; k < 2; k++)
      expect(await client.uploadBlob("audit", blob)).toEqual({ sha256: SHA, bytes: BYTES.length });
    expect(server.service.files.saved.get(SHA)).toEqual(BYTES);
  });

  test("is refused when it changes between its name and its bytes", async () => {
    writeFileSync(path, BYTES);
    const blob = await fileBlob(path);
    writeFileSync(
      path,
      BYTES.map((byte) => byte ^ 1),
    );
    const upload = client.uploadBlob("audit", blob);
    await expect(upload).rejects.toMatchObject({ code: "ERR_BLOB_DIGEST", status: 400 });
    expect(server.service.files.saved.size).toBe(0);
  });

  test("is not read when the call is over, and must be there", async () => {
    writeFileSync(path, BYTES);
    await expect(fileBlob(path, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
    await expect(fileBlob(join(directory, "b.bin"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a blob as a file", () => {
  test("is there when all of it is", async () => {
    server.service.files.add(BYTES);
    expect(await saveBlob(client, "audit", SHA, path)).toEqual({
      sha256: SHA,
      bytes: BYTES.length,
    });
    expect(readFileSync(path)).toEqual(BYTES);
    expect(readdirSync(directory)).toEqual(["a.bin"]);
  });

  test("of other bytes is not kept, and what was there before stays", async () => {
    writeFileSync(path, "before");
    server.service.files.saved.set(SHA, BYTES.subarray(1));
    await expect(saveBlob(client, "audit", SHA, path)).rejects.toMatchObject({
      name: "ClientError",
      code: "ERR_BLOB_DIGEST",
    });
    expect(readdirSync(directory)).toEqual(["a.bin"]);
    expect(readFileSync(path, "utf8")).toBe("before");
  });

  test("of a name that the log does not have is none", async () => {
    await expect(saveBlob(client, "audit", SHA, path)).rejects.toMatchObject({
      code: "ERR_BLOB_NOT_FOUND",
    });
    expect(readdirSync(directory)).toEqual([]);
  });
});
