import type { Logger } from "pino";
import type { UncaughtSource } from "./orphanedErrors.ts";

export interface StartNodeOptions {
  /** Where lines go; by default stderr, at the configured level. */
  readonly logger?: Logger;
  /** The process, if all of it is this node: an error of a connection that has no owner does not end it then. */
  readonly process?: UncaughtSource;
  /** Ends a start that waits for something; the promise rejects with ERR_NODE_STOPPING then. */
  readonly signal?: AbortSignal;
}
