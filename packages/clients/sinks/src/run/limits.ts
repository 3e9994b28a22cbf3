/** What one runner may hold and write at a time. */
export interface SinkLimits {
  /** Items of one transaction, at most. */
  readonly chunkSize: number;
  /** Bytes of one transaction, at most, unless one mutation is larger. */
  readonly chunkBytes: number;
  /** Bytes of records that are read at a time, and one record. Apart from what is written at a time: one record may change much. */
  readonly readBytes: number;
  /** The sink stops beyond so many dead letters … */
  readonly deadLettersMax: number;
  /** … unless they are no more than this part of the records. */
  readonly deadLettersPart: number;
}

export const SINK_LIMITS: SinkLimits = {
  chunkSize: 200,
  chunkBytes: 1 << 20,
  readBytes: 1 << 20,
  deadLettersMax: 100,
  deadLettersPart: 0.01,
};

/** With defaults for what is not given. Throws a RangeError for one that would stop everything. */
export function resolveLimits(given: Partial<SinkLimits>): SinkLimits {
  const limits = { ...SINK_LIMITS, ...given };
  for (const name of ["chunkSize", "chunkBytes", "readBytes"] as const)
    if (!(limits[name] >= 1)) throw new RangeError(`${name} must be ≥ 1, got ${limits[name]}`);
  return limits;
}
