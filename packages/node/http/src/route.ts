import type { FastifyReply, FastifyRequest } from "fastify";
import type { ClusterStatus } from "@annals/api";
import type { IngestDesk, IngestStats } from "./ingest/ingestDesk.ts";
import type { DelayReading, EventLoopDelay } from "./eventLoopDelay.ts";
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

/** The page at `/metrics`, made of what the node says of itself. */
export type MetricsPages = (
  cluster: ClusterStatus,
  ingest: IngestStats,
  delay: DelayReading,
) => Promise<{ readonly contentType: string; readonly text: string }>;

export interface RouteContext extends LeaderContext {
  /** Counts the pages, records and chunks of downloads that clients have not taken yet. */
  readonly answers: ByteBudget;
  readonly admission: Admission;
  readonly desk: IngestDesk;
  readonly delay: EventLoopDelay;
  readonly metricsPage: MetricsPages;
  readonly maxBlobBytes: number;
  readonly blobChunkBytes: number;
}
