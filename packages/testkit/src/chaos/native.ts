import { join } from "node:path";
import { command } from "./command.ts";

/** The sources stand beside the TypeScript ones; a build leaves them there. */
const SOURCES = join(import.meta.dirname, "../../src/chaos/native");

export function shimPath(directory: string): string {
  return join(directory, "diskShim.so");
}

export function powerCutPath(directory: string): string {
  return join(directory, "powerCut");
}

/** Compiles the library that stands between a node and its disk. Rejects without a C compiler. */
export async function compileShim(directory: string): Promise<void> {
  const source = join(SOURCES, "diskShim.c");
  await command("cc", "-O1", "-shared", "-fPIC", "-o", shimPath(directory), source, "-ldl");
}

export async function compilePowerCut(directory: string): Promise<void> {
  await command("cc", "-O1", "-o", powerCutPath(directory), join(SOURCES, "powerCut.c"));
}
