import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Lines of a golden file: `name: hexadecimal bytes`; `#` begins a comment. */
export type Golden = ReadonlyMap<string, string>;

/**
 * The golden bytes of one layout version. A test never writes them: only a run with ANNALS_WRITE_GOLDEN set does, when a new
 * version of a layout is born, and then fails, so that the difference is looked at. An old file never changes.
 */
export function readGolden(directory: string, name: string, current: Golden): Golden {
  const path = join(directory, "golden", name);
  if (process.env["ANNALS_WRITE_GOLDEN"] !== undefined) {
    writeFileSync(path, [...current].map(([key, hex]) => `${key}: ${hex}\n`).join(""));
    throw new Error(`${path} was written; look at it, then run without ANNALS_WRITE_GOLDEN`);
  }
  const lines = readFileSync(path, "utf8").split("\n");
  return new Map(
    lines
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const colon = line.indexOf(": ");
        return [line.slice(0, colon), line.slice(colon + 2)] as const;
      }),
  );
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
