/**
 * Search for the one record that the place refuses, by bisection: each transaction takes half of the suspects, in order, so one among n
 * costs about log2(n) extra transactions, and all others are written.
 */
export interface Bisection {
  /** Records behind the cursor that were refused together; 0 while nothing is searched for. */
  readonly suspects: number;
  /** Transactions that were refused since the last dead letter. */
  readonly refusals: number;
}

/** A record that could not be planned or written, for what is in it or for the place. */
export interface Suspect {
  readonly seq: number;
  /** See `SinkCursor.recordHash`; undefined: the log has to be asked. */
  readonly hash: string | undefined;
  readonly error: unknown;
}

export const NO_BISECTION: Bisection = { suspects: 0, refusals: 0 };

/** Records that the next chunk may have. */
export function chunkRecordsMax({ suspects }: Bisection, standard: number): number {
  return suspects === 0 ? standard : Math.ceil(suspects / 2);
}

/** One more transaction was refused. */
export function countRefusal({ suspects, refusals }: Bisection): Bisection {
  return { suspects, refusals: refusals + 1 };
}

/** The next `suspects` records were refused together. */
export function suspect({ refusals }: Bisection, suspects: number): Bisection {
  return { suspects, refusals };
}

/** The next `records` records were written. */
export function acquit({ suspects, refusals }: Bisection, records: number): Bisection {
  return { suspects: Math.max(0, suspects - records), refusals };
}
