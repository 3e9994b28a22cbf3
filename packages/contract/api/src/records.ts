export const RECORD_CONTENT_TYPES = [
  "application/json",
  "application/x-ndjson",
  "application/msgpack",
] as const;
export type RecordContentType = (typeof RECORD_CONTENT_TYPES)[number];

export interface AppendReply {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly count: number;
  /** The producer had sent this request before; these are the seqs of the first time. */
  readonly duplicate: boolean;
  /** Versions of the schemas that records were judged by, by action. Absent when none was. */
  readonly schemas?: Readonly<Record<string, number>>;
}

export interface ProducerStanding {
  /** Undefined if the log does not know the producer, or not any more. */
  readonly latest: ProducerInfo | undefined;
  /** The epoch in which it may begin with request 1 now. */
  readonly nextEpoch: number;
}

export interface ProducerInfo {
  readonly id: string;
  readonly epoch: number;
  /** The latest request of the epoch, and the seqs it was given. */
  readonly sequence: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}
