/**
 * The file `divergence.json` in the directory of a log: this copy and another member's cannot both be right, so nothing may be acknowledged
 * from here.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Divergence } from "@annals/replica";
import { DAMAGED, readCheckedJson, writeCheckedJson } from "../disk/checkedJson.ts";
import { syncDirectory } from "../segments/segmentDirectory.ts";

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
  const found = await readCheckedJson(divergencePath(directory), "divergence");
  return found === DAMAGED ? UNREADABLE : (found as Divergence | undefined);
}

/** Resolves when it is durable. */
export async function writeDivergence(directory: string, divergence: Divergence): Promise<void> {
  await writeCheckedJson(divergencePath(directory), "divergence", divergence);
}

/** This copy was chosen: it is a log like any other again. Durable when it resolves; idempotent. */
export async function clearDivergence(directory: string): Promise<void> {
  await rm(divergencePath(directory), { force: true });
  await syncDirectory(directory);
}
