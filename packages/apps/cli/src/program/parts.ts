import type { NodeConfig } from "@annals/config";
import type { FsckReport } from "@annals/storage";

/** A node that runs in this process. */
interface RunningNode {
  readonly url: string;
  /** Stops gracefully. Idempotent. */
  close(): Promise<void>;
  /** Settles when the node has ended; another code than 0 after a fatal failure. */
  readonly closed: Promise<{ readonly code: number }>;
}

export type StartNode = (
  config: NodeConfig,
  options: { readonly signal: AbortSignal },
) => Promise<RunningNode>;

/** Checks a stopped node's data directory: one report a log. */
export type FsckNode = (dataDirectory: string) => Promise<readonly FsckReport[]>;
