import type { NodeConfig } from "@annals/server";

/** A node that runs in this process. */
export interface RunningNode {
  readonly url: string;
  /** Stops gracefully. Idempotent. */
  close(): Promise<void>;
  /** Settles when the node has ended; another code than 0 after a fatal failure. */
  readonly closed: Promise<{ readonly code: number }>;
}

export type StartNode = (config: NodeConfig) => Promise<RunningNode>;

/** What an offline check found. */
export interface FsckFindings {
  readonly problems: readonly FsckFinding[];
  /** Whatever else the check counted, for `-o json`. */
  readonly report: unknown;
}

export interface FsckFinding {
  readonly where: string;
  readonly what: string;
  readonly mend: string;
}

export type FsckNode = (dataDirectory: string) => Promise<FsckFindings>;
