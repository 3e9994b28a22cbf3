// Goal: the examples of the README are whole programs that run. Method: the README has the files of the examples word by word; the one for a page runs
// as a bundle in a page's global scope, the one for Node in this process, both against the real HTTP API over a node in memory.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { browserContext, runThere } from "./browser/browserContext.ts";
import { bundleForBrowser } from "./browser/bundle.ts";

const PACKAGE = join(import.meta.dirname, "..");
const example = (name: string): string => join(PACKAGE, "examples", name);

let server: TestServer;
let directory: string;

beforeEach(async () => {
  server = await startTestServer();
  directory = mkdtempSync(join(tmpdir(), "annals-examples-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await server.close();
  rmSync(directory, { recursive: true });
});

/** A file without the comment that says how it is started. */
function codeOf(name: string): string {
  return readFileSync(example(name), "utf8").replace(/^(\/\/.*\n)+/, "");
}

test("the README has the examples as they are", () => {
  const text = readFileSync(join(PACKAGE, "README.md"), "utf8");
  const shown = [...text.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code);
  expect(shown).toEqual(["threeLines.js", "page.js", "attachment.js"].map(codeOf));
});

test("a page appends a record and shows what is in the log, until it is left", async () => {
  const shown: string[] = [];
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const left: (() => void)[] = [];
  const append = (line: string): void => {
    shown.push(line);
    resolve();
  };
  const context = browserContext(server.url, {
    document: { querySelector: (what: string) => (what === "#records" ? { append } : null) },
    addEventListener: (kind: string, told: () => void) => {
      if (kind === "pagehide") left.push(told);
    },
  });
  runThere(context, await bundleForBrowser(example("page.js"), "page"));
  await ready;
  for (const leave of left) leave();
  while (server.sockets.size > 0) await new Promise((next) => setImmediate(next));
  expect(shown).toEqual(["1 ada page.opened\n"]);
});

test("a program uploads a file, names it in a record, and saves it again", async () => {
  const file = join(directory, "contract.txt");
  const text = "The parties agree.\n";
  writeFileSync(file, text);
  const said = vi.spyOn(console, "log").mockImplementation(() => {});
  vi.stubEnv("ANNALS_URL", server.url);
  vi.spyOn(process, "argv", "get").mockReturnValue(["node", "attachment.js", file]);
  await import(example("attachment.js"));
  const sha256 = createHash("sha256").update(text).digest("hex");
  expect(said.mock.calls).toEqual([[`record 1 has 19 bytes, ${sha256}`]]);
  expect(readFileSync(`${file}.copy`, "utf8")).toBe(text);
});
