import type { LaneGrant } from "@annals/client";
import type { Sink } from "../sink.ts";
import type { ChunkSize } from "./chunkSize.ts";
import type { SinkLimits } from "./limits.ts";
import type { Pause } from "./pause.ts";
import type { Clock, DeadLetters, GroupLane, LogSource, SinkJob } from "./ports.ts";
import type { Retries } from "./retries.ts";
import type { SinkMeter } from "./status.ts";

/** What a tenure works with; all of it outlives the tenure but the sink. */
export interface TenureParts<Mutation> {
  readonly name: string;
  /** See `SinkCursor.scope`. */
  readonly scope: string;
  readonly sink: () => Sink<Mutation>;
  readonly source: LogSource;
  readonly lane: GroupLane;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
  readonly limits: SinkLimits;
  /** Where a database without a cursor begins: the seq before its first record. */
  readonly start: (grant: LaneGrant, signal: AbortSignal) => Promise<number>;
  readonly meter: SinkMeter;
  readonly size: ChunkSize;
  readonly retries: Retries;
  readonly pause: Pause;
  /** What somebody wants done between two transactions. */
  readonly nextJob: () => SinkJob<Mutation> | undefined;
  readonly note: (text: string) => void;
}
