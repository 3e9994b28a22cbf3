import { asSeq } from "@annals/record";
import type { LogStore, Replica } from "@annals/replica";
import { decodeRecord, PlacedRecords, RecordTexts, viewBatch } from "@annals/wire";
import type { BatchSlice, RecordCodec, RecordSource } from "./recordSource.ts";

/** How records are stored: as msgpack. */
export const STORED_CODEC: RecordCodec = {
  decode: (bytes) => ({ ...decodeRecord(bytes) }),
  placed: () => new PlacedRecords(),
  texts: () => new RecordTexts(),
  mayHold: (bytes, text) => asBuffer(bytes).includes(asBuffer(text)),
};

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The applied records of a log, as of now. Every applied entry is durable here, so all of it can be read from the store. */
export function storedRecords(
  store: LogStore,
  { appliedSeq }: Pick<Replica, "appliedSeq">,
): RecordSource {
  return { firstSeq: 1, lastSeq: appliedSeq, batchAt: (seq) => batchAt(store, seq) };
}

function batchAt(store: LogStore, seq: number): BatchSlice | undefined {
  const index = store.indexOfSeq(asSeq(seq));
  const stored = index === undefined ? undefined : store.storedEntry(index);
  if (stored === undefined) return undefined;
  const view = viewBatch(stored.entry.data);
  return {
    header: view.header,
    record: (position) => view.record(position),
    ...(stored.letGo === undefined ? {} : { letGo: stored.letGo }),
  };
}
