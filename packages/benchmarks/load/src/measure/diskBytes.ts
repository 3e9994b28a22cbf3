import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

const BLOCK = 512;

/** What the files below a directory take on the disk. */
export function diskBytes(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).reduce(
    (sum, name) =>
      sum + (lstatSync(join(directory, name), { throwIfNoEntry: false })?.blocks ?? 0) * BLOCK,
    0,
  );
}
