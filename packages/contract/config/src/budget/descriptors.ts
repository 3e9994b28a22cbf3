import { readFileSync } from "node:fs";
import { OPEN_SEGMENTS_MAX } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import type { NodeConfig } from "../keys/nodeConfig.ts";
import type { Shape } from "./bound.ts";
import { assertFits, shapeOf } from "./budget.ts";
import { connectionCaps } from "./connectionCaps.ts";
import * as fixed from "./constants.ts";

/** One kind of open file, and how many of it a node may have at the worst. */
export interface DescriptorRow {
  readonly what: string;
  /** The key that sets the number, where one does. */
  readonly key: string | undefined;
  readonly count: number;
}

/** Standard streams, listeners, event loops, and what libraries and short calls open, as measured and doubled. */
const PROCESS_FILES = 64;
/** The event loop of a worker, its lane and its signals. */
const THREAD_FILES = 12;
/** LMDB keeps a segment's data file open twice, and its lock file. */
const SEGMENT_FILES = 3;
/** The segment that is written, and the next one while it is begun. */
const WRITTEN_SEGMENTS = 2;
/** The sidecar, the directory that is flushed, and the scan that checks the disk. */
const LOG_FILES = 6;
const SYSTEM_LOGS = 1;

/** How many blobs may be read from and written to disk at a time for clients: each holds its chunks. */
function blobFiles({ ingest, query, replication, http }: NodeConfig): number {
  const { chunkBytes } = replication.blob;
  const uploads = 1 + Math.floor(ingest.maxHeldBytes / (fixed.UPLOAD_CHUNKS * chunkBytes));
  const downloads = 1 + Math.floor(query.maxHeldBytes / (fixed.DOWNLOAD_CHUNKS * chunkBytes));
  return Math.min(http.maxConnections, uploads + downloads);
}

/** Every file and socket that a node may have open at a time. */
export function descriptorRows(
  config: NodeConfig,
  shape: Shape = shapeOf(config),
): readonly DescriptorRow[] {
  const { peers } = shape;
  const logs = shape.logs + SYSTEM_LOGS;
  const threads = shape.workers + shape.isolated;
  const caps = connectionCaps(config.http);
  const segments = OPEN_SEGMENTS_MAX + WRITTEN_SEGMENTS;
  const storage = logs * (SEGMENT_FILES * segments + LOG_FILES);
  const blobs = blobFiles(config) + (threads + peers) * config.replication.blob.maxConcurrent;
  // Control and data links, dialled and accepted.
  const links = 2 * peers * (1 + logs) + fixed.HANDSHAKES_MAX;
  const passedOn = (peers + 1) * caps.maxPerNode;
  const undecided = caps.maxUndecided + caps.maxOperator + fixed.GOODBYES_MAX;
  const row = (what: string, count: number, key?: string): DescriptorRow => ({ what, key, count });
  return [
    row("the process and its threads", PROCESS_FILES + THREAD_FILES * threads),
    row(`the segments of ${logs} logs, \`_system\` too`, storage),
    row("blobs", blobs),
    row("links between nodes", links),
    row("requests that are passed on", passedOn),
    row("connections that have not asked yet, and probes", undecided),
    row("connections of clients", config.http.maxConnections, "http.maxConnections"),
    row("streams of clients", config.subscribe.maxStreams, "subscribe.maxStreams"),
  ];
}

export function descriptorsNeeded(config: NodeConfig, shape: Shape = shapeOf(config)): number {
  return descriptorRows(config, shape).reduce((sum, { count }) => sum + count, 0);
}

/** How many files this process may have open; infinite where the system does not say. Node.js has raised the soft limit to the hard one. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(readLimits()) ?? [];
    return soft === undefined || soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    // No such file but on Linux.
    return Number.POSITIVE_INFINITY;
  }
}

function readLimits(): string {
  return readFileSync("/proc/self/limits", "utf8");
}

/** Throws ERR_OPEN_FILES_LIMIT when clients could take the files that storage and links need. */
export function assertDescriptors(
  config: NodeConfig,
  shape: Shape = shapeOf(config),
  limit: number = descriptorLimit(),
): void {
  const needed = descriptorsNeeded(config, shape);
  if (needed <= limit) return;
  const parts = descriptorRows(config, shape).map(
    ({ what, key, count }) => `${what} ${count}${key === undefined ? "" : ` (${key})`}`,
  );
  throw new AnnalsError(
    "ERR_OPEN_FILES_LIMIT",
    `with ${shape.logs} ${shape.logs === 1 ? "log" : "logs"} this node may have ${needed} files open, and its limit is ${limit}: ` +
      `${parts.join(", ")}. Raise the limit of whatever starts the node (ulimit -Hn and ulimit -n in a shell, LimitNOFILE of ` +
      "systemd, --ulimit nofile of a container), or lower these keys",
    { details: { needed, limit, logs: shape.logs } },
  );
}

/** Throws ERR_MEMORY_LIMIT or ERR_OPEN_FILES_LIMIT when a node of this shape could need more than it may have. */
export function assertRoom(config: NodeConfig, shape: Shape = shapeOf(config)): void {
  assertFits(config, shape);
  assertDescriptors(config, shape);
}
