import type { FastifyReply, FastifyRequest } from "fastify";
import type { ProcessFigures } from "./metrics/metric.ts";
import type { IngestDesk } from "./ingest/ingestDesk.ts";
import type { EventLoopDelay } from "./eventLoopDelay.ts";
import type { Admission, RouteBody } from "./admission.ts";
import type { LeaderContext } from "./atLeader.ts";
import type { ByteBudget } from "./byteBudget.ts";

/** One route of the API. Paths are written as OpenAPI writes them. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body: RouteBody;
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
}

export interface RouteContext extends LeaderContext {
  /** Counts the pages, records and chunks of downloads that clients have not taken yet. */
  readonly answers: ByteBudget;
  readonly admission: Admission;
  readonly desk: IngestDesk;
  readonly delay: EventLoopDelay;
  /** Figures of the process as they are now. */
  readonly processFigures: () => ProcessFigures;
  readonly maxBlobBytes: number;
  readonly blobChunkBytes: number;
}
