/** What one request may hold; every limit is ≥ 1. */
export interface RecordLimits {
  /** Bytes of one record in msgpack. */
  readonly maxRecordBytes: number;
  /** Records of one request. */
  readonly maxRecords: number;
  /** Nesting of maps and arrays in a record; the record itself is level 1. */
  readonly maxDepth: number;
  /**
   * Keys and values of one record, at all levels. A byte cap alone does not bound memory: a megabyte of empty maps decodes to
   * 63 MiB of heap.
   */
  readonly maxElements: number;
  /** Attachments of one record: their digests travel in the head of its batch, which must stay small. */
  readonly maxAttachments: number;
}

/** Readers of a body yield after so many bytes of it, at the next end of a record: a few milliseconds of work. */
export const STEP_BYTES: number = 64 * 1024;

export const RECORD_LIMITS: RecordLimits = {
  maxRecordBytes: 1024 * 1024,
  maxRecords: 10_000,
  maxDepth: 32,
  maxElements: 16_384,
  maxAttachments: 64,
};
