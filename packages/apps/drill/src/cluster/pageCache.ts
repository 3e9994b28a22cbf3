import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { command } from "./command.ts";

/** Every file below a directory. */
export async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
}

/** Bytes of the files that the kernel has in memory (mincore(2), which Node does not offer). */
export async function cachedBytes(files: readonly string[]): Promise<number> {
  if (files.length === 0) return 0;
  const text = await command("fincore", "--bytes", "--noheadings", "--output", "RES", ...files);
  return text
    .split("\n")
    .map(Number)
    .reduce((sum, bytes) => sum + bytes, 0);
}

/** The kernel forgets what it keeps of the files (posix_fadvise(2), DONTNEED). What a process has mapped stays. */
export async function forgetPages(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const handle = await open(file, "r");
    await handle.sync();
    await handle.close();
    await command("dd", `if=${file}`, "iflag=nocache", "count=0", "status=none");
  }
}
