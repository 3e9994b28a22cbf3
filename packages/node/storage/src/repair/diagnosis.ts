import { join } from "node:path";
import { NOBODY } from "@annals/raft";
import { refusalOr } from "../disk/diskRefusal.ts";
import { examine } from "../check/exam.ts";
import type { ExamEvent } from "../check/exam.ts";
import { metaPagesProblem } from "../segments/metaPages.ts";
import { examineInChildren } from "../check/scanProcess.ts";
import { dataFile } from "../segments/segment.ts";
import { listSegments, segmentName } from "../segments/segmentDirectory.ts";
import type { SegmentScan } from "../check/segmentScan.ts";
import { decodeSegmentState } from "../segments/segmentState.ts";
import type { Head, SegmentState } from "../segments/segmentState.ts";
import { readSidecar } from "../segments/sidecar.ts";
import type { Attestation } from "../segments/sidecar.ts";

/** A segment that has to be rebuilt. */
export interface DamagedSegment {
  readonly first: number;
  /** The last entry that counts: its own head, or where the next segment begins. */
  readonly last: number;
  /** Undefined when not even this can be read. */
  readonly state: SegmentState | undefined;
}

/** Neighbouring damaged segments: what is before and behind them is sound. */
export interface DamagedGroup {
  /** Ascending. */
  readonly segments: readonly DamagedSegment[];
  /** Where the last one must end. */
  readonly end: Head;
}

/**
 * What is to be done about a log. `damaged`: where it begins and ends is certain, so that it can be rebuilt and proven to be the same.
 * `unusable`: how far it went, or for whom it voted, cannot be trusted any more.
 */
export type Diagnosis =
  | { readonly kind: "sound" }
  | {
      readonly kind: "damaged";
      readonly groups: readonly DamagedGroup[];
      /** First indexes of the segments that can be read as they are. */
      readonly sound: readonly number[];
      /** Of the active segment; the sidecar agrees with it. */
      readonly state: SegmentState;
      readonly problems: readonly string[];
    }
  | { readonly kind: "unusable"; readonly what: string };

interface Examined {
  readonly first: number;
  readonly state: SegmentState | undefined;
  readonly scan: SegmentScan | undefined;
  readonly problems: readonly string[];
}

export interface DiagnoseOptions {
  /** Whether each segment is read by a process of its own, which damage may kill. Default true. */
  readonly isolate?: boolean;
}

/**
 * Reads every segment whole while nobody writes to the log. Rejects when no child process can be started, and with `ERR_DISK_FULL` or
 * `ERR_DISK_UNAVAILABLE` when the system does not let it read, which says nothing of the log.
 */
export async function diagnoseLog(
  directory: string,
  options: DiagnoseOptions = {},
): Promise<Diagnosis> {
  try {
    return await diagnose(directory, options);
  } catch (error) {
    throw refusalOr(error, directory);
  }
}

async function diagnose(directory: string, options: DiagnoseOptions): Promise<Diagnosis> {
  const firsts = await listSegments(directory);
  const slot = await readSidecar(directory);
  if (typeof slot === "string") return { kind: "unusable", what: `the sidecar is ${slot}` };
  const newest = await newestTransactionProblem(directory, firsts);
  if (newest !== undefined) return { kind: "unusable", what: newest };
  const isolate = options.isolate ?? true;
  const all = await examineAll(directory, firsts, slot.attested.last, isolate);
  const active = all.at(-1);
  if (active?.state === undefined) {
    const why = active?.problems[0] ?? "there is no segment";
    return { kind: "unusable", what: `the state of the active segment cannot be read: ${why}` };
  }
  const { state } = active;
  const what = distrust(slot.attested, slot.logId, firsts[0] ?? 0, state, all);
  if (what !== undefined) return { kind: "unusable", what };
  const damaged = all.filter(({ problems }) => problems.length > 0);
  if (damaged.length === 0) return { kind: "sound" };
  return {
    kind: "damaged",
    groups: groupsOf(all, state),
    sound: all.filter(({ problems }) => problems.length === 0).map(({ first }) => first),
    state,
    problems: damaged.flatMap(({ first, problems }) =>
      problems.map((problem) => `${segmentName(first)}: ${problem}`),
    ),
  };
}

/** Why the active segment may have lost its last transaction; of a sealed one everything is known from the next. */
export async function newestTransactionProblem(
  directory: string,
  firsts: readonly number[],
): Promise<string | undefined> {
  const first = firsts.at(-1);
  if (first === undefined) return undefined;
  const name = segmentName(first);
  const problem = await metaPagesProblem(dataFile(join(directory, name)));
  return problem === undefined ? undefined : `the last write to ${name} is in doubt: ${problem}`;
}

/** Ascending, like `firsts`. */
async function examineAll(
  directory: string,
  firsts: readonly number[],
  wanted: number,
  isolate: boolean,
): Promise<readonly Examined[]> {
  const events: ExamEvent[] = [];
  const newestFirst = firsts.toReversed();
  const emit = (event: ExamEvent): void => void events.push(event);
  if (isolate) await examineInChildren(directory, newestFirst, wanted, emit);
  else await examine(directory, newestFirst, undefined, wanted, emit);
  return firsts.map((first) => {
    const own = events.filter((event) => event.first === first);
    const state = own.find((event) => event.state !== undefined)?.state;
    return {
      first,
      state: state === undefined ? undefined : decodeSegmentState(Buffer.from(state, "hex")),
      scan: own.find((event) => event.scan !== undefined)?.scan,
      problems: own.flatMap(({ problem }) => problem ?? []),
    };
  });
}

/** What of the newest segment says how far the log went, and for whom it voted. */
interface Newest {
  readonly head: { readonly index: number };
  readonly hardState: { readonly term: number; readonly votedFor: number };
}

/** Why a log's own word of how far it went cannot be trusted; none when it can. */
export function attestationProblems(
  attested: Attestation,
  firstIndex: number,
  { head, hardState }: Newest,
): string[] {
  const problems: string[] = [];
  if (firstIndex > attested.first)
    problems.push(
      `the log begins at ${firstIndex}, but entries from ${attested.first} on were stored`,
    );
  if (head.index < attested.last)
    problems.push(`the log ends at ${head.index}, but ${attested.last} entries were stored`);
  const votedElse =
    hardState.term === attested.term &&
    attested.votedFor !== NOBODY &&
    hardState.votedFor !== attested.votedFor;
  if (hardState.term < attested.term || votedElse)
    problems.push(`term and vote are older than those of term ${attested.term} that were promised`);
  return problems;
}

function distrust(
  attested: Attestation,
  logId: number,
  firstIndex: number,
  state: SegmentState,
  all: readonly Examined[],
): string | undefined {
  if (all.some((one) => one.state !== undefined && one.state.logId !== logId))
    return "segments of several logs lie here";
  if (firstIndex !== 1) return `the log begins at ${firstIndex}`;
  const [older] = attestationProblems(attested, firstIndex, state);
  if (older !== undefined) return older;
  const holder = all.findLast(({ first }) => first <= attested.last);
  const found = holder?.scan?.wantedHash;
  if (found !== undefined && found !== Buffer.from(attested.hash).toString("hex"))
    return `entry ${attested.last} is not the one that was stored`;
  return undefined;
}

function groupsOf(all: readonly Examined[], active: SegmentState): DamagedGroup[] {
  const groups: DamagedGroup[] = [];
  let segments: DamagedSegment[] = [];
  for (const [k, one] of all.entries()) {
    if (one.problems.length === 0) continue;
    const next = all[k + 1];
    const last = next === undefined ? active.head.index : next.first - 1;
    segments.push({ first: one.first, last, state: one.state });
    if (next !== undefined && next.problems.length > 0) continue;
    groups.push({ segments, end: next?.state?.base ?? active.head });
    segments = [];
  }
  return groups;
}
