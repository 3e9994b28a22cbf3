import type { Gauge, Ledger } from "@annals/flow";
import type { AppendService } from "../appendService.ts";
import type { Forwarder } from "../forwarder.ts";
import type { IngestDesk } from "../ingest/ingestDesk.ts";
import type { NodeService } from "../service.ts";
import type { PageBudget } from "./pageBudget.ts";

/** What all streams of a node share. */
export interface StreamContext {
  readonly service: NodeService;
  readonly forwarder: Forwarder;
  /** The road of appends over HTTP, too. */
  readonly appends: AppendService;
  readonly desk: IngestDesk;
  readonly pages: PageBudget;
  readonly ledger: Ledger;
  /** Subscriptions of all streams. */
  readonly subscriptions: Gauge;
  readonly node: string;
  /** `host:port` of this node. */
  readonly address: string;
  /** `ingest.maxBodyBytes`. */
  readonly maxBodyBytes: number;
  readonly maxUnacked: number;
  readonly maxBufferedBytes: number;
  readonly pageBytes: (length: number) => number;
  /** Between two pings, and between two looks at whether the client takes what it asked for. */
  readonly pingMs: number;
  readonly onFault: (error: unknown) => void;
}
