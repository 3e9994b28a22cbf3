import { join } from "node:path";
import { command } from "./command.ts";

const SOURCE = join(import.meta.dirname, "../../native/diskShim.c");

export function shimPath(directory: string): string {
  return join(directory, "diskShim.so");
}

/** Compiles the library that stands between a node and its disk. Rejects without a C compiler. */
export async function compileShim(directory: string): Promise<void> {
  await command("cc", "-O1", "-shared", "-fPIC", "-o", shimPath(directory), SOURCE, "-ldl");
}
