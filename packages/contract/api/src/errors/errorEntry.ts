/** How one error code is answered over HTTP and explained to whoever gets it. `docs/errors.md` is made of this table. */
export interface ErrorEntry {
  readonly status: number;
  /** The same for every occurrence (RFC 9457). */
  readonly title: string;
  readonly meaning: string;
  readonly mend: string;
  /** Seconds, sent as Retry-After. */
  readonly retryAfter?: number;
}

export function entry(
  status: number,
  title: string,
  meaning: string,
  mend: string,
  retryAfter?: number,
): ErrorEntry {
  return { status, title, meaning, mend, ...(retryAfter === undefined ? {} : { retryAfter }) };
}
