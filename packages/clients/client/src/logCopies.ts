import type { Caller } from "./caller.ts";
import type { CallOptions, CopyInfo, DecisionInfo } from "./types.ts";

/** Options of a question to any node, or to the one at `url`, which is asked once. */
export type NodeOptions = CallOptions & { readonly url?: string };

export function askNode(
  caller: Caller,
  path: string,
  { url, signal }: NodeOptions,
): Promise<unknown> {
  const call = { method: "GET", path, log: undefined, repeat: "safe", signal } as const;
  return url === undefined ? caller.call(call) : caller.attempt(url, call);
}

/** The copies of one log, of which one is chosen when the log has diverged. */
export class LogCopies {
  readonly #caller: Caller;
  readonly #path: string;

  constructor(caller: Caller, log: string) {
    this.#caller = caller;
    this.#path = `/v1/logs/${encodeURIComponent(log)}`;
  }

  /** The copy on one node: any, or the one at `url`. */
  async get(options: NodeOptions = {}): Promise<CopyInfo> {
    return (await askNode(this.#caller, `${this.#path}/copy`, options)) as CopyInfo;
  }

  /**
   * Decides that the copy of node `keep` is kept; `by` says who decides. Resolves when that is on record; each node carries it out by
   * itself, and puts a copy that is given up aside. Asked once: what became of it shows in `get`.
   */
  async resolve(
    decision: { readonly keep: string; readonly by?: string },
    { signal }: CallOptions = {},
  ): Promise<DecisionInfo> {
    return (await this.#caller.call({
      method: "POST",
      path: `${this.#path}/resolve`,
      log: undefined,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(decision),
      signal,
      repeat: "once",
    })) as DecisionInfo;
  }
}
