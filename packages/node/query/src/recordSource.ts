/** The head of a batch, as far as a query looks at it. */
export interface BatchSliceHeader {
  readonly firstSeq: number;
  readonly count: number;
  /** The leader's clock in ms since 1970; never falls from one batch to the next. */
  readonly recordedAt: number;
}

/** One stored batch: its head, and its records sliced without decoding their neighbours. */
export interface BatchSlice {
  readonly header: BatchSliceHeader;
  /** Bytes of record `position` in [0, count). */
  record(position: number): Uint8Array;
  /** Gives its memory back, where it has memory of its own. Whoever read it looks at nothing of it afterwards. */
  letGo?(): void;
}

/** The committed records of one log, as a query sees them. Nothing of it may change while a query runs, except that `lastSeq` grows. */
export interface RecordSource {
  /** First seq that can be read; lastSeq + 1 in an empty log. */
  readonly firstSeq: number;
  /** Last seq that may be read; 0 in an empty log. */
  readonly lastSeq: number;
  /** The batch that holds `seq`; asked for within [firstSeq, lastSeq] only. Throws a coded error if it is damaged. */
  batchAt(seq: number): BatchSlice | undefined;
}

/** Records as msgpack, one behind the other. */
export interface PlacedRun {
  /** Bytes of all of them. */
  readonly length: number;
  /** Adds the record with its place, `recordedAt` in ms since 1970, in front; not decoded. False, and nothing added, beyond `maxLength`. */
  add(seq: number, recordedAt: number, bytes: Uint8Array, maxLength: number): boolean;
  /** All of them, in memory of its own. Nothing may be added afterwards. */
  take(): Uint8Array;
}

/** Records as JSON, one behind the other, with whatever stands between them. */
export interface TextRun extends PlacedRun {
  /** Adds text of ASCII as it is. */
  text(ascii: string): void;
  /** Takes back what was added since there were `length` bytes. */
  cutTo(length: number): void;
}

/** How stored records are read. */
export interface RecordCodec {
  /** The record as plain data: maps as objects, binary as Uint8Array, large integers as bigint. */
  decode(bytes: Uint8Array): Readonly<Record<string, unknown>>;
  /** An empty run of records as msgpack, each with its place as its first fields. */
  placed(): PlacedRun;
  /** An empty run of records as JSON, each with its place as its first fields. */
  texts(): TextRun;
  /**
   * Whether the text may occur in the record. May say yes wrongly, never no: what saves most decoding. In msgpack a text is its
   * UTF-8 bytes, so searching for these is right.
   */
  mayHold(bytes: Uint8Array, text: Uint8Array): boolean;
}
