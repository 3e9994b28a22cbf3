import { asIndex } from "@annals/raft";
import { decodeBatchHeader } from "@annals/record";
import type { Divergence } from "@annals/replica";
import { readDivergence } from "./divergenceFile.ts";
import { readEmptied } from "./emptiedFile.ts";
import type { EmptiedMark } from "./emptiedFile.ts";
import type { LmdbLogStore } from "./logStore.ts";
import { openLogStore } from "./openLogStore.ts";
import { listAside } from "./resolution.ts";
import type { CopyPlace } from "./resolution.ts";

/** Entries from one index to the end of a copy, and the records in them. */
export interface LogEnd {
  readonly from: number;
  readonly to: number;
  readonly records: number;
  /** Of the first and the last record; undefined without records. */
  readonly firstSeq: number | undefined;
  readonly lastSeq: number | undefined;
  /** Milliseconds since 1970; undefined without records. */
  readonly firstRecordedAt: number | undefined;
  readonly lastRecordedAt: number | undefined;
}

/** The copy of a log on one disk, as somebody looks at it who has to choose one. */
export interface LogCopy {
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly lastSeq: number;
  /** Chain hash of the last entry, 64 hexadecimal digits. */
  readonly headHash: string;
  readonly commitIndex: number;
  readonly divergence: Divergence | undefined;
  readonly emptied: EmptiedMark | undefined;
  /** Names of copies that were put aside beside it. */
  readonly aside: readonly string[];
  /** From where the copies are known to part to the end; of a copy that has met no difference, undefined. */
  readonly parted: LogEnd | undefined;
}

/** Looks at a copy that no process has open. Rejects as `openLogStore` does. */
export async function describeCopy(place: CopyPlace): Promise<LogCopy> {
  const { directory } = place;
  const divergence = await readDivergence(directory);
  const emptied = await readEmptied(directory);
  const aside = await listAside(directory);
  const store = await openLogStore(place);
  try {
    const last = store.lastIndex();
    const term = store.term(last);
    return {
      lastIndex: last,
      lastTerm: typeof term === "number" ? term : 0,
      lastSeq: store.lastSeq(),
      headHash: Buffer.from(store.headHash()).toString("hex"),
      commitIndex: store.initialState().hardState.commitIndex,
      divergence,
      emptied,
      aside,
      parted: partedEnd(store, divergence),
    };
  } finally {
    await store.close();
  }
}

function partedEnd(store: LmdbLogStore, divergence: Divergence | undefined): LogEnd | undefined {
  const from = divergence?.other.index ?? 0;
  const to = store.lastIndex();
  if (from < 1 || from > to) return undefined;
  const batches = { records: 0, firstSeq: 0, lastSeq: 0, firstRecordedAt: 0, lastRecordedAt: 0 };
  for (let index = from; index <= to; index++) {
    const entry = store.storedEntry(asIndex(index))?.entry;
    if (entry?.kind !== "records") continue;
    const { firstSeq, count, recordedAt } = decodeBatchHeader(entry.data);
    if (batches.records === 0) {
      batches.firstSeq = firstSeq;
      batches.firstRecordedAt = recordedAt;
    }
    batches.records += count;
    batches.lastSeq = firstSeq + count - 1;
    batches.lastRecordedAt = recordedAt;
  }
  if (batches.records > 0) return { from, to, ...batches };
  return { from, to, records: 0, ...NO_RECORDS };
}

const NO_RECORDS = {
  firstSeq: undefined,
  lastSeq: undefined,
  firstRecordedAt: undefined,
  lastRecordedAt: undefined,
};
