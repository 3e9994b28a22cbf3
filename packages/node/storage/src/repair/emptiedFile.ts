/**
 * The file `emptied.json` in the directory of a log: the copy that was here was given up for the one of another member, so this member
 * gives no vote to anybody else until it holds that copy.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { asMemberId, NOBODY } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { DAMAGED, readCheckedJson, writeCheckedJson } from "../disk/checkedJson.ts";
import { syncDirectory } from "../segments/segmentDirectory.ts";

export interface EmptiedMark {
  /** The node whose copy was kept, and its member id; nobody where the file is damaged: then no vote is given at all. */
  readonly node: string;
  readonly member: MemberId;
}

const UNREADABLE: EmptiedMark = { node: "unknown", member: NOBODY };

function emptiedPath(directory: string): string {
  return join(directory, "emptied.json");
}

/** Undefined when there is no such file. One that is damaged still keeps the member from giving votes. */
export async function readEmptied(directory: string): Promise<EmptiedMark | undefined> {
  const found = await readCheckedJson(emptiedPath(directory), "emptied");
  if (found === DAMAGED) return UNREADABLE;
  const mark = found as EmptiedMark | undefined;
  return mark && { node: mark.node, member: asMemberId(mark.member) };
}

/** Resolves when it is durable. */
export async function writeEmptied(directory: string, mark: EmptiedMark): Promise<void> {
  await writeCheckedJson(emptiedPath(directory), "emptied", mark);
}

/** The kept copy is here, durably. Idempotent. */
export async function clearEmptied(directory: string): Promise<void> {
  await rm(emptiedPath(directory), { force: true });
  await syncDirectory(directory);
}
