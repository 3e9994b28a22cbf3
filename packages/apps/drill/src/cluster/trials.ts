import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LinkMatrix } from "../proxy/linkMatrix.ts";
import { SYSTEM_CLOCK } from "../proxy/systemClock.ts";
import { PROXY_HOST } from "./addresses.ts";
import { command } from "./command.ts";
import { compileShim, shimPath } from "./diskShim.ts";
import { cachedBytes, forgetPages } from "./pageCache.ts";

/** Rejects where there is one loopback address only: a proxy needs more. */
export async function tryProxy(): Promise<void> {
  const addresses = new Map([
    ["a", "127.0.0.1:1"],
    ["b", "127.0.0.2:1"],
  ]);
  const clock = SYSTEM_CLOCK;
  const matrix = await LinkMatrix.start({ addresses, listenHost: PROXY_HOST, clock });
  await matrix.close();
}

/** Compiles the disk shim into the directory, and rejects where that, or preloading it, is not possible. */
export async function tryShim(directory: string): Promise<void> {
  if (process.platform !== "linux") throw new Error(`no LD_PRELOAD on ${process.platform}`);
  await compileShim(directory);
  await command("env", `LD_PRELOAD=${shimPath(directory)}`, process.execPath, "--version");
}

const TRIAL_BYTES = 1024 * 1024;

/** Rejects where the kernel cannot be made to forget a file, as of a file system that is memory alone. */
export async function tryColdCache(directory: string): Promise<void> {
  const file = join(directory, "pages");
  await writeFile(file, Buffer.alloc(TRIAL_BYTES, 1));
  try {
    await forgetPages([file]);
    const kept = await cachedBytes([file]);
    if (kept > 0) throw new Error(`the kernel keeps pages of files in ${directory}`);
  } finally {
    await rm(file);
  }
}

/** Rejects where the directory is in no repository that has a commit. */
export async function tryHistory(directory: string): Promise<void> {
  await command("git", "-C", directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}");
}
