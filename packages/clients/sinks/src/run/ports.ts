import type { LaneGrant, StoredRecord } from "@annals/client";
import type { FailureClass, Sink, SinkCursor } from "../sink.ts";

/** Some records of a log, or of a lane of it. */
export interface Reading {
  readonly records: readonly StoredRecord[];
  /** Everything up to here is in it, or belongs to no record of this lane; before the first asked for: there is nothing yet. */
  readonly to: number;
  readonly bytes: number;
}

/** What a runner follows. Rejects with a `ClientError`. */
export interface LogSource {
  /** Committed records from `from` on, of at most about `maxBytes`, one at least; waits up to `waitMs` for the first one. */
  read(from: number, maxBytes: number, waitMs: number, signal: AbortSignal): Promise<Reading>;
  /** Undefined if the log has none of that seq. */
  record(seq: number, signal: AbortSignal): Promise<StoredRecord | undefined>;
  /** Of a source of one lane of several: undefined also if the record belongs to another one. Absent: all of them are its own. */
  ownRecord?(seq: number, signal: AbortSignal): Promise<StoredRecord | undefined>;
  /** The seqs that the log has; `lastSeq` 0 for an empty one. */
  range(signal: AbortSignal): Promise<{ readonly firstSeq: number; readonly lastSeq: number }>;
}

/** One lane of the sink's group. Rejects with a `ClientError`. */
export interface GroupLane {
  /** Makes the group if there is none. Rejects with ERR_GROUP_HELD while somebody else has the lane, ERR_GROUP_SETTINGS. */
  acquire(signal: AbortSignal): Promise<LaneGrant>;
  renew(grant: LaneGrant, signal: AbortSignal): Promise<void>;
  commit(grant: LaneGrant, position: number, signal: AbortSignal): Promise<void>;
  release(grant: LaneGrant): Promise<void>;
  /** Who holds the lane now, and how far it is behind; undefined while nobody does. */
  holder(signal: AbortSignal): Promise<HeldBy | undefined>;
}

/** A record that a sink could not write. It stays in its log: the letter only points at it. */
export interface DeadLetter {
  readonly seq: number;
  readonly class: FailureClass;
  readonly message: string;
  /** Transactions that were tried with it. */
  readonly attempts: number;
  /** Mutations of it that were written before one of them failed. */
  readonly part: number;
  /** Of the settings and the plan by which it could not be written. */
  readonly settings: string;
}

export interface DeadLetters {
  /** Durable when it resolves. The same letter as the one before is written once. */
  write(letter: DeadLetter, signal: AbortSignal): Promise<void>;
}

/** Something that is done with a sink between two of its transactions. */
export type SinkJob<Mutation> = {
  /** It was not begun: a pause is asked for, or the lane is lost. */
  readonly failed: (error: unknown) => void;
} & (
  | {
      /** It writes to the open sink, such as a dead letter that is tried again; not done during a pause. */
      readonly kind: "write";
      readonly run: (
        sink: Sink<Mutation>,
        cursor: SinkCursor,
        signal: AbortSignal,
      ) => Promise<void>;
    }
  | {
      /** It looks at what the place holds, also of a sink that was not opened. */
      readonly kind: "look";
      readonly run: (sink: Sink<Mutation>, signal: AbortSignal) => Promise<void>;
    }
);

/** A lane that somebody holds, as its log's leader sees it. */
export interface HeldBy {
  readonly member: string;
  /** Records behind the lane's position. */
  readonly lag: number;
  readonly position: number;
}

/** Time as a runner needs it. */
export interface RunnerClock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Resolves after so long, and at once when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
