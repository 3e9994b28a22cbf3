import { access } from "node:fs/promises";
import { errnoOf, refusalOr } from "./diskRefusal.ts";

/**
 * Whether there is something at `path`. Anything but a plain no is no answer, and rejects with what the system says: a log or an identity
 * that was taken for a missing one would be begun anew.
 */
export async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw refusalOr(error, path);
  }
}

/** What a directory has that is missing: nothing. For the `catch` of a read of one. */
export function unlessMissing(error: unknown): [] {
  if (errnoOf(error) === "ENOENT") return [];
  throw error;
}
