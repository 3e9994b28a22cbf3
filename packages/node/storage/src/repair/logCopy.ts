import { asSeq, decodeBatchHeader } from "@annals/record";
import type { Divergence } from "@annals/replica";
import { readDivergence } from "./divergenceFile.ts";
import { readEmptied } from "./emptiedFile.ts";
import type { EmptiedMark } from "./emptiedFile.ts";
import type { LmdbLogStore } from "../logStore.ts";
import { openLogStore } from "../openLogStore.ts";
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

/** Where a log ends in its store. */
export function storeEnd(
  store: Pick<LmdbLogStore, "lastIndex" | "term" | "lastSeq">,
): Pick<LogCopy, "lastIndex" | "lastTerm" | "lastSeq"> {
  const lastIndex = store.lastIndex();
  const term = store.term(lastIndex);
  return {
    lastIndex,
    lastTerm: typeof term === "number" ? term : 0,
    lastSeq: store.lastSeq(),
  };
}

/** Looks at a copy that no process has open. Rejects as `openLogStore` does. */
export async function describeCopy(place: CopyPlace): Promise<LogCopy> {
  const { directory } = place;
  const divergence = await readDivergence(directory);
  const emptied = await readEmptied(directory);
  const aside = await listAside(directory);
  const store = await openLogStore(place);
  try {
    return {
      ...storeEnd(store),
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

/** From where a copy is known to part to its end; undefined for one that has met no difference, or ends before it. */
export function partedEnd(
  store: Pick<LmdbLogStore, "lastIndex" | "lastSeq" | "indexOfSeq" | "storedEntry">,
  divergence: Divergence | undefined,
): LogEnd | undefined {
  const from = divergence?.other.index ?? 0;
  const to = store.lastIndex();
  if (from < 1 || from > to) return undefined;
  const lastSeq = store.lastSeq();
  const first = batchAt(store, firstSeqFrom(store, from));
  const last = batchAt(store, lastSeq);
  if (first === undefined || last === undefined) return { from, to, records: 0, ...NO_RECORDS };
  return {
    from,
    to,
    records: lastSeq - first.firstSeq + 1,
    firstSeq: first.firstSeq,
    lastSeq,
    firstRecordedAt: first.recordedAt,
    lastRecordedAt: last.recordedAt,
  };
}

/** The first seq in an entry at `from` or later; one more than the last seq if there is none. Batches ascend by both. */
function firstSeqFrom(store: Pick<LmdbLogStore, "lastSeq" | "indexOfSeq">, from: number): number {
  let low = 1;
  let high = store.lastSeq() + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const index = store.indexOfSeq(asSeq(middle));
    if (index !== undefined && index >= from) high = middle;
    else low = middle + 1;
  }
  return low;
}

function batchAt(
  store: Pick<LmdbLogStore, "indexOfSeq" | "storedEntry">,
  seq: number,
): Pick<ReturnType<typeof decodeBatchHeader>, "firstSeq" | "recordedAt"> | undefined {
  const index = seq === 0 ? undefined : store.indexOfSeq(asSeq(seq));
  const entry = index === undefined ? undefined : store.storedEntry(index)?.entry;
  return entry === undefined ? undefined : decodeBatchHeader(entry.data);
}

const NO_RECORDS = {
  firstSeq: undefined,
  lastSeq: undefined,
  firstRecordedAt: undefined,
  lastRecordedAt: undefined,
};
