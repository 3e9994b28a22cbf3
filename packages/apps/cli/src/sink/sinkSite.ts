import type { AnnalsClient } from "@annals/client";

/** What sinks are made from. */
export interface SinkSite {
  readonly client: AnnalsClient;
  /** Id of the cluster. */
  readonly cluster: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly note: (text: string) => void;
}
