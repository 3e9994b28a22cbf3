import type { StoredRecord } from "@annals/client";

/** How far a sink's database is: every record up to `seq` is in it, and of the next one the first `part` mutations. */
export interface SinkPosition {
  readonly seq: number;
  readonly part: number;
}

/** What the sink's database keeps beside its data, written in the same transaction. */
export interface SinkCursor extends SinkPosition {
  /** Fingerprint of the sink's settings and of the version of its plan: data of another one is not continued. */
  readonly settings: string;
  /** The fencing token of the runner that wrote last; one with a smaller token writes no more. */
  readonly epoch: number;
  /** Hash of record `seq` as it was read, in hex: finds a database that belongs to another history of the log. */
  readonly recordHash: string;
  /** Whose records they are: cluster, log, and share of the log. Data of another scope is not continued. */
  readonly scope: string;
  /** Seq of the last record of which something was written, 0 before the first: the data has to have it. */
  readonly anchor: number;
}

/** Consecutive mutations of consecutive records, written in one transaction. */
export interface Chunk<Mutation> {
  /** What the database must hold before; undefined: it has no cursor yet. */
  readonly expected: SinkCursor | undefined;
  readonly next: SinkCursor;
  /** In the order of the records; within a record in the order of its plan. */
  readonly mutations: readonly Mutation[];
  /** Records that end in this chunk. */
  readonly records: number;
  readonly bytes: number;
}

/**
 * What a failure of `apply` means.
 *
 * `transient`: an outage; the same again may succeed. `conflict`: so may it, for another writer was in the way. `tooLarge`: the database
 * has no memory for so much at once; half of it may succeed. `data`: it cannot be written as it is, be that for a record or for the place.
 * `fenced`: the stored cursor is not the expected one, so somebody else writes, or the database is another one. `settings`: nothing will
 * succeed until somebody mends the configuration, the credentials or the schema. `unknown`: none of these for sure.
 */
export type FailureClass =
  | "transient"
  | "conflict"
  | "tooLarge"
  | "data"
  | "fenced"
  | "settings"
  | "unknown";

/** Consecutive seqs, and the records among them that the sink has to have. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly records: readonly StoredRecord[];
}

/** A record that a sink's place holds. */
export interface Held {
  readonly seq: number;
  /** `valueHash` of it as it is there; empty if that cannot be said. */
  readonly hash: string;
  /** What is wrong with it, where the hash alone does not tell. */
  readonly note?: string;
}

/** What a sink counts of its own, since it was made. */
export interface SinkCounts {
  /** Sent to the place. */
  readonly statements: number;
  /** Things that were not searched for, because they were known to be there, and those that were. */
  readonly cacheHits: number;
  readonly cacheMisses: number;
  /** Things made because another one named them, before anything has said what they are. */
  readonly stubs: number;
}

/**
 * Something that follows a log: a cursor and a function. Whatever it needs to know of the past is in its own database; the log is its only
 * queue.
 */
export interface Sink<Mutation> {
  /** Of the settings that decide what is written. Where it is written is none of them: a place may move. */
  readonly settings: string;
  /** What it writes to, for people: its kind and its address, without secrets. */
  readonly target: string;
  /** Pure: what a record changes, the same at every call. Throws for a record that cannot be written as it is. */
  plan(record: StoredRecord): readonly Mutation[];
  /** Bytes that a mutation takes on its way. */
  weigh(mutation: Mutation): number;
  /** Connects, makes constraints and indexes, checks its templates, and reads the stored cursor. */
  open(signal: AbortSignal): Promise<SinkCursor | undefined>;
  /**
   * One transaction: compares the stored cursor with the expected one, writes, stores the next one. Either all of it is durable when it
   * resolves, or it rejects and may or may not be: the cursor tells, so a repeat does no harm.
   */
  apply(chunk: Chunk<Mutation>, signal: AbortSignal): Promise<void>;
  /** The stored cursor, after a failure of which it is not known whether it took effect. */
  cursor(signal: AbortSignal): Promise<SinkCursor | undefined>;
  classify(error: unknown): FailureClass;
  /**
   * Whether the place takes other records, asked before a record is called bad. `rolledBack`: what is tried leaves nothing behind, so any
   * record may be. `repeated`: it arrives, and will once more; so what has arrived before is tried first.
   */
  readonly probing: "rolledBack" | "repeated";
  /** Resolves if the place takes the mutations, and keeps none of them; rejects as `apply` does. The cursor stays. */
  probe(mutations: readonly Mutation[], signal: AbortSignal): Promise<void>;
  /**
   * Ties the stored cursor to the data that is there now. Called before `open` when an operator has decided where to go on, after `open`
   * has refused because data and cursor are not of one piece. Absent: they cannot part.
   */
  adopt?(signal: AbortSignal): Promise<void>;
  /** What the place holds of a stretch; asked also of a sink that was not opened. Absent: it keeps nothing that could be compared. */
  held?(stretch: Stretch, signal: AbortSignal): Promise<readonly Held[]>;
  counts?(): SinkCounts | undefined;
  /** Milliseconds before which the other side does not want to be asked again after a failure, if it has said so. */
  retryAfterMs?(error: unknown): number | undefined;
  /** Lets go of everything. Idempotent. */
  close(): Promise<void>;
}

/** Whether two cursors are one and the same, token included. */
export function sameCursor(a: SinkCursor | undefined, b: SinkCursor | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.seq === b.seq &&
    a.part === b.part &&
    a.epoch === b.epoch &&
    a.settings === b.settings &&
    a.scope === b.scope &&
    a.anchor === b.anchor &&
    a.recordHash === b.recordHash
  );
}
