import type { Caller } from "./caller.ts";
import type { CallOptions, SchemaInfo } from "./types.ts";

/** The schemas of one log: what `data` of the records of an action must be. */
export class LogSchemas {
  readonly #caller: Caller;
  readonly #log: string;

  constructor(caller: Caller, log: string) {
    this.#caller = caller;
    this.#log = log;
  }

  /** Those that are in force. */
  async list(options: CallOptions = {}): Promise<readonly SchemaInfo[]> {
    const answer = await this.#call("GET", undefined, undefined, options);
    return (answer as { readonly items: readonly SchemaInfo[] }).items;
  }

  /** Rejects with ERR_SCHEMA_NOT_FOUND. */
  async get(action: string, options: CallOptions = {}): Promise<SchemaInfo> {
    return (await this.#call("GET", action, undefined, options)) as SchemaInfo;
  }

  /**
   * Sets the schema, JSON Schema 2020-12 of at most 4 KiB without references, patterns and `uniqueItems`; resolves with its version. A node
   * judges by it when it has applied the change, a moment later. Rejects with ERR_SCHEMA_INVALID.
   */
  async set(action: string, schema: object, options: CallOptions = {}): Promise<SchemaInfo> {
    return (await this.#call("PUT", action, JSON.stringify(schema), options)) as SchemaInfo;
  }

  /** Takes any `data` again. */
  async remove(action: string, options: CallOptions = {}): Promise<SchemaInfo> {
    return (await this.#call("DELETE", action, undefined, options)) as SchemaInfo;
  }

  #call(
    method: "GET" | "PUT" | "DELETE",
    action: string | undefined,
    body: string | undefined,
    { signal }: CallOptions,
  ): Promise<unknown> {
    const list = `/v1/logs/${encodeURIComponent(this.#log)}/schemas`;
    return this.#caller.call({
      method,
      path: action === undefined ? list : `${list}/${encodeURIComponent(action)}`,
      log: undefined,
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body }),
      signal,
      // A repeat of a change is one more version, and harmless otherwise.
      repeat: "safe",
    });
  }
}
