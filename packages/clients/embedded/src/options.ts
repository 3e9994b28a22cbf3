import { RECORD_LIMITS } from "@annals/record";
import type { AnnalsError } from "@annals/record";
import { REPLICA_DEFAULTS } from "@annals/replica";
import type { ReplicaConfig } from "@annals/replica";
import { MIN_FREE_BYTES } from "@annals/storage";

/** How an embedded log is opened; everything but the path has the default of a node. */
export interface OpenLogOptions {
  /** The directory of this log; made when it is missing. */
  readonly path: string;
  /** Name of the log; default `log`. A directory keeps the name that it was born with. */
  readonly name?: string;
  /** Bytes of appends that wait for their answer, and one request; beyond, ERR_OVERLOADED. Default 32 MiB. */
  readonly maxPendingBytes?: number;
  /** Default 1 MiB. */
  readonly maxRecordBytes?: number;
  /** Records in one request; default 10 000. */
  readonly maxRecords?: number;
  /** A file of the log is sealed when it has reached this many bytes; default 1 GiB. */
  readonly segmentBytes?: number;
  /** Appends are refused when less would stay free on the disk. */
  readonly minFreeBytes?: number;
  /** Told once when the disk or the log has failed: from then on every call rejects with this error, and the log has to be opened anew. */
  readonly onFailed?: (error: AnnalsError) => void;
  readonly onWarning?: (text: string) => void;
}

export type Limits = Required<Omit<OpenLogOptions, "onFailed" | "onWarning">>;

const LIMIT_NAMES = ["maxPendingBytes", "maxRecordBytes", "maxRecords", "segmentBytes"] as const;

/** Throws a RangeError for limits below 1. */
export function resolveLimits(options: OpenLogOptions): Limits {
  const limits = {
    path: options.path,
    name: options.name ?? "log",
    maxPendingBytes: options.maxPendingBytes ?? REPLICA_DEFAULTS.maxPendingBytes,
    maxRecordBytes: options.maxRecordBytes ?? RECORD_LIMITS.maxRecordBytes,
    maxRecords: options.maxRecords ?? RECORD_LIMITS.maxRecords,
    segmentBytes: options.segmentBytes ?? 1024 ** 3,
    minFreeBytes: options.minFreeBytes ?? MIN_FREE_BYTES,
  };
  for (const name of LIMIT_NAMES)
    if (!Number.isSafeInteger(limits[name]) || limits[name] < 1)
      throw new RangeError(`${name} ${limits[name]} is no integer ≥ 1`);
  return limits;
}

export function replicaConfig({ maxPendingBytes }: Limits): ReplicaConfig {
  return { ...REPLICA_DEFAULTS, maxPendingBytes };
}
