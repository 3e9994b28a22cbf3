import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "./diskRefusal.ts";
import { syncDirectory } from "../segments/segmentDirectory.ts";

/**
 * Makes a directory with those above it, and makes its name durable: what is written into it must not go with it. One that was there may
 * have been made by a process that ended before it could do so; then the one above is flushed, where that may be read.
 */
export async function makeDirectory(path: string): Promise<void> {
  const firstMade = await mkdir(path, { recursive: true });
  if (firstMade === undefined) return syncDirectory(dirname(path)).catch(unlessForbidden);
  const last = dirname(firstMade);
  for (let above = dirname(path); ; above = dirname(above)) {
    await syncDirectory(above);
    if (above === last || above === dirname(above)) return;
  }
}

function unlessForbidden(error: unknown): void {
  const errno = errnoOf(error);
  if (errno !== "EACCES" && errno !== "EPERM") throw error;
}
