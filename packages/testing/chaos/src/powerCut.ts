import { join } from "node:path";
import { command } from "@annals/drill";

/** The source stands beside the TypeScript ones; a build leaves it there. */
const SOURCE = join(import.meta.dirname, "native/powerCut.c");

export function powerCutPath(directory: string): string {
  return join(directory, "powerCut");
}

/** Compiles the program that takes the power from a file system. Rejects without a C compiler. */
export async function compilePowerCut(directory: string): Promise<void> {
  await command("cc", "-O1", "-o", powerCutPath(directory), SOURCE);
}
