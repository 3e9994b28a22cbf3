/** A decision about a log that has diverged, carried out as a node does: tried again while the disk refuses, and after a crash. */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import { describeCopy } from "../../src/repair/logCopy.ts";
import { diskRefusal } from "../../src/disk/diskRefusal.ts";
import { emptyCopy, isCarriedOut, keepCopy, placeEmptied } from "../../src/repair/resolution.ts";
import { fsck } from "../../src/check/fsck.ts";
import { openLogStore } from "../../src/openLogStore.ts";
import { StorageError } from "../../src/storageError.ts";
import { writeDivergence } from "../../src/repair/divergenceFile.ts";
import { BASE_ENTRIES, LOG_ID, RETRY_MS, SEGMENT_BYTES } from "./points.ts";

/** Entries behind the commit: a copy that is kept commits them. */
const LAST = BASE_ENTRIES + 2;
const DECISION = {
  index: 17,
  by: "ada",
  at: 1_700_000_000_000,
  kept: { node: "b", member: asMemberId(2) },
};
const DIVERGENCE = {
  since: DECISION.at - 1,
  own: { index: LAST, term: 3, hash: "aa".repeat(32), commitIndex: BASE_ENTRIES },
  other: { member: 3, index: LAST, term: 4, hash: "bb".repeat(32), commitIndex: LAST },
};

export type DecisionPhase = "keep" | "giveUp";

export function isDecisionPhase(phase: string): phase is DecisionPhase {
  return phase === "keep" || phase === "giveUp";
}

const placeOf = (directory: string) => ({ directory, logId: LOG_ID, segmentBytes: SEGMENT_BYTES });

/** Gives the copy an end that is not committed, and the mark of a difference. */
export async function diverge(directory: string): Promise<void> {
  const store = await openLogStore({ ...placeOf(directory), scanFirst: false, minFreeBytes: 0 });
  const entries = plainEntries(BASE_ENTRIES + 1, LAST, 3);
  await store.write(cycleOf({ entries, hardState: hardState(3, 2, BASE_ENTRIES) }));
  await store.close();
  await writeDivergence(directory, DIVERGENCE);
}

/** Resolves when it is carried out; a crash may have cut it before at any step. */
export async function decide(directory: string, phase: DecisionPhase): Promise<void> {
  for (;;) {
    try {
      await placeEmptied(directory);
      if (phase === "keep") await keepCopy(placeOf(directory), DECISION);
      else await emptyCopy(placeOf(directory), SAMPLE_MEMBERSHIP.voters, DECISION);
      return;
    } catch (error) {
      const failed = error instanceof StorageError && error.code === "ERR_STORAGE_FAILED";
      if (!failed && diskRefusal(error, directory) === undefined) throw error;
      await delay(RETRY_MS);
    }
  }
}

/** Carries it out again, as a node does that starts, and holds what is there against what was decided. */
export async function verifyDecided(directory: string, phase: DecisionPhase): Promise<void> {
  await decide(directory, phase);
  if (!(await isCarriedOut(directory, DECISION))) throw new Error("there is no record of it");
  const here = await describeCopy(placeOf(directory));
  const whole = { lastIndex: LAST, problems: 0 };
  const name = basename(directory);
  const aside = readdirSync(dirname(directory)).filter((one) => one.startsWith(`${name}.`));
  if (phase === "keep") {
    const { lastIndex, commitIndex, divergence, emptied } = here;
    const found = { lastIndex, commitIndex, divergence, emptied, aside };
    same(found, {
      lastIndex: LAST,
      commitIndex: LAST,
      divergence: undefined,
      emptied: undefined,
      aside: [],
    });
    same(await told(directory), whole);
    return;
  }
  same(here.emptied, DECISION.kept);
  same(here.lastIndex, 0);
  same(aside, [`${name}.aside-20231114T221320000Z`]);
  const put = join(dirname(directory), aside[0] ?? "");
  same(await told(put), whole);
  same((await describeCopy(placeOf(put))).divergence, DIVERGENCE);
}

async function told(directory: string): Promise<object> {
  const { problems } = await fsck(directory, { isolate: false });
  const store = await openLogStore({ ...placeOf(directory), scanFirst: false, minFreeBytes: 0 });
  const lastIndex: number = store.lastIndex();
  await store.close();
  return { lastIndex, problems: problems.filter(({ kind }) => kind !== "leftover").length };
}

function same(found: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(found, wanted))
    throw new Error(`found ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}
