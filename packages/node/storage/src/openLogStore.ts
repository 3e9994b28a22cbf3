import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { asIndex, asTerm, NOBODY } from "@annals/raft";
import type { LogIndex, MembershipState } from "@annals/raft";
import { equalBytes, ZERO_HASH } from "@annals/record";
import { Attestor } from "./segments/attestor.ts";
import { attestationProblems, newestTransactionProblem } from "./repair/diagnosis.ts";
import { DiskFloor, MIN_FREE_BYTES } from "./disk/diskFloor.ts";
import { allocateLockFile } from "./segments/lockFile.ts";
import { DiskGate } from "./disk/diskGate.ts";
import { errnoOf, fileFailed, refusalOr } from "./disk/diskRefusal.ts";
import { LmdbLogStore } from "./logStore.ts";
import { birthWrite, origin } from "./segments/roll.ts";
import { Roller } from "./segments/roller.ts";
import { SealedSegments } from "./segments/sealedSegments.ts";
import type { OpenSegment } from "./segments/sealedSegments.ts";
import { mapBytesOf, Segment } from "./segments/segment.ts";
import {
  createSegment,
  listSegments,
  removeUnfinished,
  segmentName,
} from "./segments/segmentDirectory.ts";
import type { CreateStep } from "./segments/segmentDirectory.ts";
import { Sidecar, readSidecar } from "./segments/sidecar.ts";
import type { Attestation } from "./segments/sidecar.ts";
import { logDamaged, REPLACE_ADVICE, StorageError } from "./storageError.ts";
import { decodeStoredEntry } from "./segments/storedEntry.ts";
import { scanTails } from "./check/tailScanner.ts";
import type { TailScanner } from "./check/tailScanner.ts";
import { namesRefusal, writeRefusal } from "./disk/writeRefusal.ts";

export interface LogStoreOptions {
  /** The directory of this one log; made when it is missing. */
  readonly directory: string;
  /** 32 bits, as on the wire. */
  readonly logId: number;
  /** A segment is sealed when its file has reached this many bytes. */
  readonly segmentBytes: number;
  /** What an empty directory is born with; without it, opening an empty directory is `ERR_LOG_EMPTY`. */
  readonly initial?: { readonly membership: MembershipState };
  /** Appends are refused when less would stay free. Default `MIN_FREE_BYTES`. */
  readonly minFreeBytes?: number;
  /**
   * Whether the files are first read by a child process, which damage may kill, and the disk is asked whether it takes writes; if not, the
   * log is opened for reading until it does. Default true; tests that open often switch it off.
   */
  readonly scanFirst?: boolean;
  /** Reads the files of several logs, one after the other; without it this log has a child process of its own. */
  readonly scanner?: Pick<TailScanner, "scan">;
  /**
   * Directories, beside that of the log and the one it is in, with names that the log relies upon when it is found. Nothing is written to
   * it before they are flushed.
   */
  readonly namedIn?: readonly string[];
  readonly onWarning?: (text: string) => void;
  /** For crash tests: awaited at each step of making a segment. */
  readonly onSegmentStep?: (step: CreateStep) => Promise<void>;
}

/**
 * Opens the log in `directory`, or bears it. Rejects with a `StorageError`: `ERR_LOG_EMPTY`, `ERR_LOG_FOREIGN`, `ERR_LOG_FORMAT`,
 * `ERR_LOG_DAMAGED` or `ERR_ENTRY_DAMAGED`, the last two saying what to do; with `ERR_DISK_FULL` or `ERR_DISK_UNAVAILABLE` when the
 * system does not let it, which says nothing of the log.
 */
export async function openLogStore(options: LogStoreOptions): Promise<LmdbLogStore> {
  try {
    return await openLog(options);
  } catch (error) {
    const refusal = refusalOr(error, options.directory);
    if (refusal instanceof StorageError || errnoOf(error) === undefined) throw refusal;
    throw fileFailed(options.directory, "the log could not be opened", error);
  }
}

async function openLog(options: LogStoreOptions): Promise<LmdbLogStore> {
  const { directory } = options;
  assertOptions(options);
  await mkdir(directory, { recursive: true });
  for (const name of await removeUnfinished(directory))
    options.onWarning?.(`removed ${name}, which a crash had left unfinished`);
  const newborn = (await listSegments(directory)).length === 0;
  if (newborn) await bear(options);
  const firsts = await listSegments(directory);
  const slot = await readSidecar(directory);
  if (typeof slot === "string")
    throw logDamaged(directory, `the sidecar is ${slot}`, REPLACE_ADVICE);
  const newest = await newestTransactionProblem(directory, firsts);
  if (newest !== undefined) throw logDamaged(directory, newest, REPLACE_ADVICE);
  for (const first of firsts) allocateLockFile(join(directory, segmentName(first)), "owner");
  const mapBytes = mapBytesOf(options.segmentBytes);
  const namedIn = [directory, dirname(directory), ...(options.namedIn ?? [])];
  const ask = (): Promise<StorageError | undefined> => writeRefusal(directory, namedIn);
  // A newborn one has flushed its names itself.
  const refusal = newborn ? undefined : await examined(options, ask, () => namesRefusal(namedIn));
  const mode = refusal === undefined ? "readWrite" : "readOnly";
  const active = await openActive(directory, firsts.at(-1) ?? 1, mode, mapBytes);
  const sealed = new SealedSegments(directory, firsts.slice(0, -1), mapBytes);
  try {
    if (active.state.logId !== options.logId || slot.logId !== options.logId)
      throw foreign(options, active.state.logId);
    assertAttested(directory, slot.attested, active, sealed);
    const firstIndex = asIndex(firsts[0] ?? 1);
    return new LmdbLogStore({
      mapBytes,
      active,
      sealed,
      attestor: new Attestor(
        await Sidecar.open(directory, slot, refusal === undefined ? "now" : "later"),
        firstIndex,
      ),
      gate: new DiskGate(ask, refusal),
      floor: new DiskFloor(directory, options.minFreeBytes ?? MIN_FREE_BYTES),
      roller: new Roller({
        directory,
        segmentBytes: options.segmentBytes,
        mapBytes,
        onStep: options.onSegmentStep,
      }),
    });
  } catch (error) {
    await sealed.close();
    await active.segment.close();
    throw error;
  }
}

/** Reads the files, and meanwhile asks the disk whether it takes writes: its flushes take as long as the start of a process. */
async function examined(
  { directory, scanFirst, scanner }: LogStoreOptions,
  ask: () => Promise<StorageError | undefined>,
  askForNames: () => Promise<StorageError | undefined>,
): Promise<StorageError | undefined> {
  if (scanFirst === false) return askForNames();
  const scan = scanner?.scan(directory) ?? scanTails(directory);
  const [, asked] = await Promise.allSettled([scan, ask()]);
  await scan;
  if (asked.status === "rejected") throw asked.reason;
  return asked.value;
}

function assertOptions({ logId, segmentBytes }: LogStoreOptions): void {
  if (!Number.isInteger(logId) || logId < 0 || logId > 0xffff_ffff)
    throw new RangeError(`log id ${logId} is no 32-bit integer`);
  if (!Number.isSafeInteger(segmentBytes) || segmentBytes < 1)
    throw new RangeError(`segmentBytes ${segmentBytes} is no integer ≥ 1`);
}

async function openActive(
  directory: string,
  first: number,
  mode: "readWrite" | "readOnly",
  mapBytes: number,
): Promise<OpenSegment> {
  const segment = Segment.open(join(directory, segmentName(first)), mode, mapBytes);
  try {
    return { segment, state: segment.stateFrom(first), terms: segment.termRuns() };
  } catch (error) {
    await segment.close();
    throw error;
  }
}

function foreign(options: LogStoreOptions, found: number): StorageError {
  return new StorageError(
    "ERR_LOG_FOREIGN",
    `${options.directory} holds log ${found}, not ${options.logId}`,
    { details: { directory: options.directory, found, expected: options.logId } },
  );
}

/** A log begins with an empty sidecar, then its first segment: whatever a crash leaves of that is still an empty directory. */
async function bear(options: LogStoreOptions): Promise<void> {
  const { directory, logId, initial } = options;
  const slot = await readSidecar(directory);
  if (typeof slot !== "string" && (slot.attested.last > 0 || slot.attested.term > 0)) {
    const what = `the sidecar vouches for ${slot.attested.last} entries, but there is no segment`;
    throw logDamaged(directory, what, REPLACE_ADVICE);
  }
  if (initial === undefined)
    throw new StorageError("ERR_LOG_EMPTY", `there is no log in ${directory}`, {
      details: { directory },
    });
  const base = origin(ZERO_HASH, asTerm(0));
  await Sidecar.create(directory, logId, {
    first: asIndex(1),
    last: base.index,
    hash: base.hash,
    term: base.term,
    votedFor: NOBODY,
  });
  const state = {
    logId,
    base,
    head: base,
    hardState: { term: base.term, votedFor: NOBODY, commitIndex: base.index },
    appliedIndex: base.index,
    membership: initial.membership,
  };
  await createSegment(
    directory,
    1,
    mapBytesOf(options.segmentBytes),
    birthWrite(state),
    options.onSegmentStep,
  );
}

/** The segments must hold at least what the sidecar vouches for. */
function assertAttested(
  directory: string,
  attested: Attestation,
  active: OpenSegment,
  sealed: SealedSegments,
): void {
  const damaged = (what: string): StorageError => logDamaged(directory, what, REPLACE_ADVICE);
  const first = sealed.firstIndex ?? active.state.base.index + 1;
  const [older] = attestationProblems(attested, first, active.state);
  if (older !== undefined) throw damaged(older);
  if (!equalBytes(hashAt(attested.last, active, sealed), attested.hash))
    throw damaged(`entry ${attested.last} is not the one that was stored`);
}

function hashAt(index: LogIndex, active: OpenSegment, sealed: SealedSegments): Uint8Array {
  const { head, base } = active.state;
  if (index === head.index) return head.hash;
  if (index === base.index) return base.hash;
  if (index === 0) return ZERO_HASH;
  const { segment } = index > base.index ? active : sealed.holding(index);
  const value = segment.entryValue(index);
  return value === undefined ? ZERO_HASH : decodeStoredEntry(index, value).hash;
}
