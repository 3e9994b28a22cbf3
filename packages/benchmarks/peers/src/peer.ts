import type { TargetNode } from "@annals/load";

/** One workload of the comparison: the same bytes, in the same closed loop, for everybody. */
export interface PeerLoad {
  readonly recordsPerRequest: number;
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly signal: AbortSignal;
}

export interface PeerAppend {
  readonly recordsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the servers and the client together. */
  readonly cpuSecondsPerMillion: number;
  readonly peakRssMiB: number;
}

/** A cluster of three, ours or another, that takes records of 256 bytes. */
export interface RunningPeer {
  readonly nodes: readonly TargetNode[];
  append(load: PeerLoad): Promise<PeerAppend>;
  /** A follower is taken away, misses so many records and comes back: records per second from the start of its process. */
  catchUp(records: number, signal: AbortSignal): Promise<number>;
  /** One consumer reads what the follower had missed: records per second. Comes behind `catchUp`, before any append. */
  replay(signal: AbortSignal): Promise<number>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface Peer {
  /** Its column, such as "etcd". */
  readonly name: string;
  /** What an acknowledgement means. */
  readonly durability: string;
  /** Its version, or why it is left out. */
  available(): Availability;
  start(directory: string, signal: AbortSignal): Promise<RunningPeer>;
}

export type Availability =
  | { readonly kind: "available"; readonly version: string }
  | { readonly kind: "missing"; readonly why: string };

export const RECORD_BYTES = 256;
/** Text that does not compress to nothing; the same for every peer but ours, whose records must be audit records. */
export const RECORD: Buffer = Buffer.from(
  "user-123 updated paragraph 42 of section 7 after review; ".repeat(5).slice(0, RECORD_BYTES),
);
