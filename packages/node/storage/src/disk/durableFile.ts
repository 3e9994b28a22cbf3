import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { fileFailed } from "./diskRefusal.ts";
import { syncDirectory } from "../segments/segmentDirectory.ts";

/** Replaces a file so that after a crash either the old or the new content is there. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (cause) {
    throw fileFailed(path, "the file could not be written", cause);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}
