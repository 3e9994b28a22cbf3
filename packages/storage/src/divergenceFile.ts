/**
 * The file `divergence.json` in the directory of a log: this copy and another member's cannot both be right, so nothing may be acknowledged
 * from here. One JSON object `{"crc32": …, "divergence": …}`; the checksum is that of the JSON of `divergence`.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Divergence } from "@annals/replica";
import { errnoOf } from "./diskRefusal.ts";
import { replaceFile } from "./durableFile.ts";

/** What is known when the file is there and cannot be read: that it was written. */
const UNREADABLE: Divergence = {
  since: 0,
  own: undefined,
  other: { member: 0, index: 0, term: 0, hash: "", commitIndex: 0 },
};

function divergencePath(directory: string): string {
  return join(directory, "divergence.json");
}

/** Undefined when there is no such file. One that is damaged still says that the log has to stand still. */
export async function readDivergence(directory: string): Promise<Divergence | undefined> {
  let text: string;
  try {
    text = await readFile(divergencePath(directory), "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  return decode(text) ?? UNREADABLE;
}

/** Resolves when it is durable. */
export async function writeDivergence(directory: string, divergence: Divergence): Promise<void> {
  const file = { crc32: crc32(JSON.stringify(divergence)), divergence };
  await replaceFile(divergencePath(directory), `${JSON.stringify(file)}\n`);
}

function decode(text: string): Divergence | undefined {
  try {
    const file = JSON.parse(text) as { readonly crc32: unknown; readonly divergence: Divergence };
    const intact = file.crc32 === crc32(JSON.stringify(file.divergence));
    return intact ? file.divergence : undefined;
  } catch {
    return undefined;
  }
}
