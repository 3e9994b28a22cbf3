import type { Seq } from "./seq.ts";

/** A producer's claim on a run of records: what makes a repeated request recognisable (exactly once). */
export interface ProducerStamp {
  /** Chosen by the producer, 1 to 64 bytes of UTF-8. */
  readonly id: string;
  /** Raised by a producer that starts anew; an older epoch is refused. */
  readonly epoch: number;
  /** Number of the request within the epoch: 1, 2, 3 … */
  readonly sequence: number;
}

/** A stamp with the fingerprint of all records of its request (`requestFingerprint`): other records under the same stamp are refused. */
export interface RequestStamp extends ProducerStamp {
  readonly fingerprint: number;
}

/** One client request inside a batch: `count` records, and the stamp if it was idempotent. */
export interface BatchRequest {
  readonly count: number;
  readonly producer: RequestStamp | undefined;
}

/** The head of a batch: everything but the records. */
export interface BatchHeader {
  readonly firstSeq: Seq;
  readonly count: number;
  /** The leader's clock when the batch was made, in ms since 1970; never falls from one batch to the next. */
  readonly recordedAt: number;
  /** In the order of their records; the counts sum up to `count`. */
  readonly requests: readonly BatchRequest[];
  /** SHA-256 of every blob that the records name, each once, as 64 lower-case hexadecimal digits. Absent for none. */
  readonly blobs?: readonly string[];
}

/** Undoes the compression of a batch's body: exactly `size` bytes, or it throws. */
export type ExpandBody = (packed: Uint8Array, size: number) => Uint8Array;
