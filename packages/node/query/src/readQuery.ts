import type { LaneShare } from "@annals/record";

export type ReadConsistency = "linearizable" | "local";

/**
 * How the answer is laid out: a page as one JSON object, records one a line, one msgpack map after the other, the first record alone, or
 * not at all: for whoever wants to know only what there is.
 */
export type ReadFormat = "json" | "ndjson" | "msgpack" | "record" | "none";

/** What one read asks for. Plain data: it crosses to the worker. */
export interface ReadQuery {
  /** First and last seq that may be answered, both included. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Bounds on `recordedAt`, in ms since 1970: `since` ≤ recordedAt < `until`. */
  readonly since: number | undefined;
  readonly until: number | undefined;
  /** Equal to `actor.id`. */
  readonly actor: string | undefined;
  /** See `actionPattern`. */
  readonly action: string | undefined;
  /** Equal to the `id` of one of the targets. */
  readonly target: string | undefined;
  readonly tenant: string | undefined;
  /** Only the records of this lane. */
  readonly lane: LaneShare | undefined;
  /** At most so many records. */
  readonly limit: number;
  /** At most so many bytes; one larger record is still answered alone. Without it, what a page may have. */
  readonly maxLength?: number;
  /** Where an earlier page of the same query ended; opaque. */
  readonly cursor: string | undefined;
  readonly order: "asc" | "desc";
  readonly consistency: ReadConsistency;
  /** Milliseconds to wait for a first matching record when there is none now; 0 answers at once. */
  readonly waitMs: number;
  readonly format: ReadFormat;
}

export interface ReadReply {
  readonly body: Uint8Array;
  readonly contentType: string;
  /** Number of records in the body. */
  readonly count: number;
  /** The seqs that the answer speaks about, both included: matching records in it are in the body, all of them. Empty if to < from. */
  readonly covered: { readonly from: number; readonly to: number };
  /** Continues after what was covered, now or later; undefined when the query can have no more. */
  readonly next: string | undefined;
  /** Whether there is more to read right now. */
  readonly more: boolean;
}
