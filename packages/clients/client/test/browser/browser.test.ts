// Goal: the SDK runs in a browser. Method: a bundler that refuses all modules of Node makes one script of it, which runs in a global scope that has
// only what a page has, against the real HTTP API over a node in memory.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { browserContext, runThere } from "./browserContext.ts";
import { bundleForBrowser } from "./bundle.ts";

let server: TestServer;

beforeEach(async () => {
  // A page does not go to the address that a node has among its peers.
  server = await startTestServer({ address: "127.0.0.1:1" });
});
afterEach(async () => server.close());

test("appends, reads, follows, and sends an attachment, with nothing of Node's", async () => {
  const script = await bundleForBrowser(join(import.meta.dirname, "page.ts"), "page");
  const context = browserContext(server.url, {});
  expect(runThere(context, "[typeof process, typeof Buffer, typeof require].join()")).toBe(
    "undefined,undefined,undefined",
  );
  runThere(context, script);
  expect(JSON.parse(String(await runThere(context, "page.everything(location.origin)")))).toEqual({
    written: [2, 3],
    acknowledged: 2,
    read: ["ada", "bob", "eve", "zoë"],
    wide: [false, false, false, true],
    followed: ["ada", "bob", "eve", "zoë"],
    bytes: 13,
    text: "an attachment",
    codes: ["ERR_RECORD_NOT_FOUND", "ERR_CLIENT_CLOSED"],
  });
});

test.each([
  ["the entry for Node", 'export { fileBlob } from "@annals/client/node";', /node:stream of Node/],
  ["a module of Node", 'export { readFile } from "node:fs/promises";', /node:fs.promises of Node/],
  ["one without its scheme", 'export { Buffer } from "buffer";', /buffer of Node/],
])("a bundle with %s is none", async (_what, source, why) => {
  // Within the package, so that it finds itself by its name.
  const build = join(import.meta.dirname, "../../dist/test");
  mkdirSync(build, { recursive: true });
  const directory = mkdtempSync(join(build, "bundle-"));
  try {
    const input = join(directory, "input.js");
    writeFileSync(input, source);
    await expect(bundleForBrowser(input, "page")).rejects.toThrow(why);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
