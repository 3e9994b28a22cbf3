import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { asIndex, asTerm, NOBODY } from "@annals/raft";
import type { MembershipState } from "@annals/raft";
import { asSeq, ZERO_HASH } from "@annals/record";
import { LmdbLogStore } from "./logStore.ts";
import { Segment } from "./segment.ts";
import type { Head, SegmentState } from "./segmentState.ts";
import { logDamaged, REPLACE_ADVICE, StorageError } from "./storageError.ts";

export interface LogStoreOptions {
  /** The directory of this one log; made when it is missing. */
  readonly directory: string;
  readonly logId: number;
  /** A segment is sealed when its file has reached this many bytes. */
  readonly segmentBytes: number;
  /** What an empty directory is born with; without it, opening an empty directory is `ERR_LOG_EMPTY`. */
  readonly initial?: { readonly membership: MembershipState };
  readonly onWarning?: (text: string) => void;
}

/** A segment directory is named by the index of its first entry. Dots would make LMDB take a directory for a file. */
export function segmentName(firstIndex: number): string {
  return `segment-${String(firstIndex).padStart(16, "0")}`;
}

/** Opens the log in `directory`. Rejects with a `StorageError`. */
export async function openLogStore(options: LogStoreOptions): Promise<LmdbLogStore> {
  await mkdir(options.directory, { recursive: true });
  const names = await readdir(options.directory);
  for (const name of names.filter((entry) => entry.startsWith("new-")))
    await rm(join(options.directory, name), { recursive: true });
  const segments = names.filter((name) => /^segment-\d{16}$/.test(name)).toSorted();
  if (segments.length === 0) await bear(options);
  const active = join(options.directory, segments.at(-1) ?? segmentName(1));
  const segment = new Segment(active, "readWrite", mapBytes(options));
  const state = segment.readState();
  if (state === undefined)
    throw logDamaged(options.directory, "the active segment holds no state", REPLACE_ADVICE);
  if (state.logId !== options.logId) {
    await segment.close();
    throw new StorageError(
      "ERR_LOG_FOREIGN",
      `${options.directory} holds log ${state.logId}, not ${options.logId}`,
    );
  }
  return new LmdbLogStore(segment, state, segment.termRuns());
}

function mapBytes(options: LogStoreOptions): number {
  return 2 * options.segmentBytes + 1024 * 1024 * 1024;
}

async function bear(options: LogStoreOptions): Promise<void> {
  if (options.initial === undefined)
    throw new StorageError("ERR_LOG_EMPTY", `there is no log in ${options.directory}`);
  const origin: Head = { index: asIndex(0), term: asTerm(0), hash: ZERO_HASH, seq: asSeq(0) };
  await createSegment(options, {
    logId: options.logId,
    base: origin,
    head: origin,
    hardState: { term: asTerm(0), votedFor: NOBODY, commitIndex: asIndex(0) },
    appliedIndex: asIndex(0),
    membership: options.initial.membership,
  });
}

async function createSegment(options: LogStoreOptions, state: SegmentState): Promise<void> {
  const name = segmentName(state.base.index + 1);
  const temporary = join(options.directory, `new-${name}`);
  await mkdir(temporary);
  const segment = new Segment(temporary, "readWrite", mapBytes(options));
  await segment.commit({
    removeEntries: { from: 1, to: 0 },
    removeTerms: [],
    removeBatches: [],
    entries: [],
    terms: [],
    batches: [],
    producers: new Map(),
    state,
  });
  await segment.close();
  await rename(temporary, join(options.directory, name));
  await syncDirectory(options.directory);
}

/** Makes names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
