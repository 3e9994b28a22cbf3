import type { LaneGrant } from "@annals/client";
import type { Sink } from "../sink.ts";
import type { ChunkSize } from "./chunkSize.ts";
import type { JobQueue } from "./jobQueue.ts";
import type { SinkLimits } from "./limits.ts";
import type { Pause } from "./pause.ts";
import type { RunnerClock, DeadLetters, GroupLane, LogSource } from "./ports.ts";
import type { Retries } from "./retries.ts";
import type { SinkMeter } from "./status.ts";

/** What a lease holder works with; all of it outlives the lease but the sinks. */
export interface LeaseHolderParts<Mutation> {
  readonly name: string;
  /** See `SinkCursor.scope`. */
  readonly scope: string;
  readonly sink: () => Sink<Mutation>;
  readonly source: LogSource;
  readonly lane: GroupLane;
  readonly deadLetters: DeadLetters;
  readonly clock: RunnerClock;
  readonly limits: SinkLimits;
  /** Where a database without a cursor begins: the seq before its first record. */
  readonly start: (grant: LaneGrant, signal: AbortSignal) => Promise<number>;
  readonly meter: SinkMeter;
  readonly size: ChunkSize;
  readonly retries: Retries;
  readonly pause: Pause;
  /** What somebody wants done between two transactions. */
  readonly jobs: JobQueue<Mutation>;
  readonly note: (text: string) => void;
}
