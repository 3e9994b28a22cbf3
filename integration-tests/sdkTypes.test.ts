/**
 * Goal: the SDK's declarations are checked as strictly as a program likes, with no more than what its runtime has: in a browser without Node's types,
 * on Node without the browser's. Method: the compiler, over a program in an empty folder that sees the built packages and nothing else.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const resolver = createRequire(join(ROOT, "package.json"));
const packageOf = (name: string): string => dirname(resolver.resolve(`${name}/package.json`));
const TSC = join(packageOf("typescript"), "bin/tsc");

/** A program that uses what both runtimes have. */
const PROGRAM = `
  import { AnnalsClient, ClientError, globalTransport } from "@annals/client";
  import type { BlobSource, StoredRecord, StreamSocket, Transport } from "@annals/client";

  export const socket = (url: string): StreamSocket => new WebSocket(url);
  const mine: Transport = { ...globalTransport(), fetch: (url, init) => fetch(url, init) };
  const client = new AnnalsClient({ urls: ["http://127.0.0.1:7400"], transport: mine });

  export async function first(signal: AbortSignal): Promise<StoredRecord | undefined> {
    try {
      for await (const record of client.subscribe("audit", { from: 1, signal })) return record;
    } catch (error) {
      if (error instanceof ClientError && error.retryable) return undefined;
      throw error;
    }
    return undefined;
  }

  const blob: BlobSource = { sha256: "", bytes: 0, read: () => new Blob([]) };
  export const uploaded: Promise<{ readonly bytes: number }> = client.uploadBlob("audit", blob);
`;

const FOR_NODE = `
  import { fileBlob, saveBlob } from "@annals/client/node";

  export const copied = async (path: string): Promise<number> => {
    const { sha256 } = await client.uploadBlob("audit", await fileBlob(path));
    const { bytes } = await saveBlob(client, "audit", sha256, process.argv[2] ?? "copy");
    return bytes;
  };
`;

const BROWSER = { lib: ["ES2023", "DOM"], types: [] };
const NODE = { lib: ["ES2023"], types: ["node"] };
const BUNDLER = { module: "ESNext", moduleResolution: "Bundler" };
const NODE_NEXT = { module: "NodeNext", moduleResolution: "NodeNext" };

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "annals-types-"));
  for (const scope of ["@annals", "@types"])
    mkdirSync(join(folder, "node_modules", scope), { recursive: true });
  symlinkSync(join(ROOT, "packages/clients/client"), join(folder, "node_modules/@annals/client"));
  symlinkSync(packageOf("@types/node"), join(folder, "node_modules/@types/node"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the compiler says of a program. */
async function faultsOf(program: string, options: object): Promise<string> {
  const compilerOptions = {
    target: "ES2022",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    ...options,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  writeFileSync(join(folder, "program.ts"), program);
  // It exits with 2 where it finds something, and says what on standard output.
  const { stdout } = await run(process.execPath, [TSC, "-p", folder], { cwd: folder }).catch(
    (fault: { readonly stdout: string }) => fault,
  );
  return stdout;
}

it.each([
  ["a bundler", BUNDLER],
  ["NodeNext", NODE_NEXT],
])("a program for browsers compiles as with %s, without Node's types", async (_name, modules) => {
  expect(await faultsOf(PROGRAM, { ...BROWSER, ...modules })).toBe("");
});

it("a program for Node compiles without the browser's types, with both entries", async () => {
  expect(await faultsOf(PROGRAM + FOR_NODE, { ...NODE, ...NODE_NEXT })).toBe("");
});

it("a program for browsers that uses Node's names does not compile", async () => {
  const faults = await faultsOf(PROGRAM + FOR_NODE, { ...BROWSER, ...BUNDLER });
  expect(faults.match(/error TS\d+: .*$/gm)).toEqual([expect.stringContaining("'process'")]);
});
