/** One entry as one node has it. */
export interface EntryClaim {
  readonly index: number;
  readonly term: number;
  /** Chain hash, 64 lower-case hexadecimal digits. */
  readonly hash: string;
  /** Up to here that node knows its log to be committed. */
  readonly commitIndex: number;
}

/** What parts a copy of a log from the one of another member. */
export interface DivergenceInfo {
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Undefined when there is no such entry here, although the node led the log. */
  readonly own: EntryClaim | undefined;
  readonly other: EntryClaim & { readonly member: number };
}

/** The end of a copy, from where the copies are known to part. */
export interface PartedEnd {
  readonly from: number;
  readonly to: number;
  readonly records: number;
  /** Seqs of the first and the last record; undefined without records. */
  readonly firstSeq: number | undefined;
  readonly lastSeq: number | undefined;
  /** Milliseconds since 1970; undefined without records. */
  readonly firstRecordedAt: number | undefined;
  readonly lastRecordedAt: number | undefined;
}

/**
 * Whether the node that answers can serve a log from its own copy. `opening`: it is not open yet. `repairing`: its copy is damaged and
 * closed until it is whole again. `diverged`: its copy and another one cannot both be right, and it stands still. `silent`: it is open and
 * did not answer.
 */
export type LogState = "open" | "opening" | "repairing" | "diverged" | "silent";

export interface LogInfo {
  readonly name: string;
  readonly state: LogState;
  /** Why the log is not open, in plain words; undefined when it is. */
  readonly reason: string | undefined;
  /** 1 more than lastSeq in an empty log. Like `lastSeq` and `diskBytes` it is undefined unless the log is open. */
  readonly firstSeq: number | undefined;
  /** Seq of the last committed record; 0 for none. */
  readonly lastSeq: number | undefined;
  /** Node id of the leader, as far as this node knows. */
  readonly leader: string | undefined;
  readonly diskBytes: number | undefined;
}

export interface ResolveRequest {
  /** The node whose copy is kept. */
  readonly keep: string;
  /** Who decides. */
  readonly by: string;
}

/** What was decided for a log that has diverged. */
export interface DecisionInfo {
  /** Index of its command in `_system`. */
  readonly decision: number;
  readonly keep: string;
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
  /** Nodes that have not carried it out, as far as `_system` says. */
  readonly waitsFor: readonly string[];
}

/** A log on one node; what is in it is undefined unless it is open. */
export interface CopyInfo {
  readonly node: string;
  readonly log: string;
  readonly state: LogState;
  readonly reason: string | undefined;
  readonly lastIndex: number | undefined;
  readonly lastTerm: number | undefined;
  readonly lastSeq: number | undefined;
  readonly commitIndex: number | undefined;
  readonly headHash: string | undefined;
  /** Set when the replica stands still: what parts it from another member. */
  readonly diverged: DivergenceInfo | undefined;
  /** From where the copies are known to part to the end of this one. */
  readonly parted: PartedEnd | undefined;
  /** The node for whose copy this one was emptied, until it has that. */
  readonly emptiedFor: string | undefined;
  /** The latest one for the log; `carriedOut`: on this copy. */
  readonly decision: (DecisionInfo & { readonly carriedOut: boolean }) | undefined;
}
