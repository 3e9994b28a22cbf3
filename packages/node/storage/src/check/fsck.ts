import { stat } from "node:fs/promises";
import { join } from "node:path";
import { attestationProblems, newestTransactionProblem } from "../repair/diagnosis.ts";
import { diskRefusal, isDiskRefusal } from "../disk/diskRefusal.ts";
import { scanSegmentInChild } from "./scanProcess.ts";
import { dataFile } from "../segments/segment.ts";
import {
  listDamaged,
  listSegments,
  listUnfinished,
  segmentName,
} from "../segments/segmentDirectory.ts";
import { scanSegment } from "./segmentScan.ts";
import type { SegmentScan } from "./segmentScan.ts";
import { readSidecar, sidecarPath } from "../segments/sidecar.ts";
import type { Attestation } from "../segments/sidecar.ts";
import { REPLACE_ADVICE } from "../storageError.ts";

/** One thing that is wrong, where, and what to do about it. */
export interface FsckProblem {
  /**
   * `damage`: the log must not be served. `doubt`: nothing that is here is wrong, and something may be missing. `leftover`: harmless,
   * removed at the next start.
   */
  readonly kind: "damage" | "doubt" | "leftover";
  /** File or directory. */
  readonly where: string;
  readonly index: number | undefined;
  readonly what: string;
  readonly advice: string;
}

export interface FsckSegment {
  readonly name: string;
  readonly firstIndex: number;
  /** Undefined when the segment cannot be read. */
  readonly lastIndex: number | undefined;
  readonly entries: number;
  readonly records: number;
  readonly bytes: number;
}

/** What an offline check of one log has found. The log is sound when `problems` holds no damage. */
export interface FsckReport {
  readonly directory: string;
  readonly logId: number | undefined;
  /** Absent when the data directory does not tell it. */
  readonly name?: string;
  /** Set when the directory of the log is gone. */
  readonly missing?: true;
  readonly segments: readonly FsckSegment[];
  readonly firstIndex: number | undefined;
  readonly lastIndex: number | undefined;
  readonly lastSeq: number | undefined;
  readonly commitIndex: number | undefined;
  /** Hexadecimal chain hash of the last entry. */
  readonly headHash: string | undefined;
  readonly problems: readonly FsckProblem[];
}

export interface FsckOptions {
  /** Whether each segment is read by a process of its own, which damage may kill. Default true. */
  readonly isolate?: boolean;
}

/**
 * Checks everything that is stored of one log, while no node has it open: every entry, the chain across segments, the tables, the
 * sidecar. Changes nothing. Rejects only when the directory cannot be listed, and with ERR_DISK_FULL
 * or ERR_DISK_UNAVAILABLE when the system does not let it read.
 */
export async function fsck(directory: string, options: FsckOptions = {}): Promise<FsckReport> {
  const scan = (options.isolate ?? true) ? scanSegmentInChild : scanSegment;
  const problems: FsckProblem[] = [];
  const damage = (where: string, what: string, index?: number, advice = REPLACE_ADVICE): void => {
    problems.push({ kind: "damage", where, index, what, advice });
  };
  const firsts = await listSegments(directory);
  const slot = await readSidecar(directory);
  if (typeof slot === "string") damage(sidecarPath(directory), `the sidecar is ${slot}`);
  const attested = typeof slot === "string" ? undefined : slot.attested;
  if (firsts.length === 0) damage(directory, "there is no segment");
  const doubt = await newestTransactionProblem(directory, firsts).catch((error: unknown) => {
    const refusal = diskRefusal(error, directory);
    if (refusal !== undefined) throw refusal;
    return `the newest segment cannot be read: ${String(error)}`;
  });
  if (doubt !== undefined) damage(directory, doubt);
  const scans = new Map<number, SegmentScan>();
  const segments: FsckSegment[] = [];
  // From the newest to the oldest: where a segment ends is what the next one is based on.
  let next: SegmentScan | undefined;
  for (const first of firsts.toReversed()) {
    const path = join(directory, segmentName(first));
    const report = (what: string, index?: number): void => damage(path, what, index);
    try {
      next = await scan(directory, first, next?.base, attested?.last ?? 0, (problem) =>
        report(problem.what, problem.index),
      );
    } catch (error) {
      if (isDiskRefusal(error)) throw error;
      next = undefined;
      report(error instanceof Error ? error.message : String(error));
    }
    if (next !== undefined) scans.set(first, next);
    segments.unshift(await summary(path, first, next));
  }
  const newest = scans.get(firsts.at(-1) ?? 0);
  if (attested !== undefined && newest !== undefined)
    checkAttestation(attested, firsts[0] ?? 1, newest, scans, (what) =>
      damage(sidecarPath(directory), what),
    );
  if (new Set([...scans.values()].map((scan) => scan.logId)).size > 1)
    damage(directory, "segments of several logs lie here");
  for (const name of await listUnfinished(directory))
    problems.push(leftover(join(directory, name), ...UNFINISHED));
  for (const name of await listDamaged(directory))
    problems.push(leftover(join(directory, name), ...REPLACED));
  return {
    directory,
    logId: newest?.logId,
    segments,
    firstIndex: firsts[0],
    lastIndex: newest?.head.index,
    lastSeq: newest?.head.seq,
    commitIndex: newest?.commitIndex,
    headHash: newest?.head.hash,
    problems,
  };
}

async function summary(
  path: string,
  first: number,
  scan: SegmentScan | undefined,
): Promise<FsckSegment> {
  const bytes = await stat(dataFile(path)).then(
    (file) => file.size,
    () => 0,
  );
  return {
    name: segmentName(first),
    firstIndex: first,
    lastIndex: scan === undefined ? undefined : first - 1 + scan.entries,
    entries: scan?.entries ?? 0,
    records: scan?.records ?? 0,
    bytes,
  };
}

function checkAttestation(
  attested: Attestation,
  firstIndex: number,
  newest: SegmentScan,
  scans: ReadonlyMap<number, SegmentScan>,
  damage: (what: string) => void,
): void {
  const { head, term, votedFor } = newest;
  for (const problem of attestationProblems(attested, firstIndex, {
    head,
    hardState: { term, votedFor },
  }))
    damage(problem);
  const hash = Buffer.from(attested.hash).toString("hex");
  // The newest copy counts: entries above a seal are void in the older segment.
  const holder = [...scans.entries()]
    .filter(([first]) => first <= attested.last)
    .toSorted(([a], [b]) => b - a)[0]?.[1];
  if (attested.last > 0 && holder?.wantedHash !== hash && newest.head.index >= attested.last)
    damage(`entry ${attested.last} is not the one that was stored`);
}

const UNFINISHED = [
  "a segment that a crash has left unfinished",
  "nothing: the next start removes it",
] as const;

const REPLACED = [
  "a damaged segment that was rebuilt",
  "nothing: it goes when a scrub has found the log sound",
] as const;

function leftover(where: string, what: string, advice: string): FsckProblem {
  return { kind: "leftover", where, index: undefined, what, advice };
}
