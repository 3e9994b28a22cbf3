import type { Call, Caller } from "./caller.ts";
import type { CallOptions, GroupStart } from "./types.ts";

/** What the holder of a lane is up to; see docs/operations.md. */
export type LaneCondition = "free" | "current" | "moving" | "stuck" | "silent";

export interface LaneInfo {
  /** Everything of the lane up to this seq is done with. */
  readonly position: number;
  /** Records of the log behind it. */
  readonly lag: number;
  /** Who holds it. */
  readonly member?: string;
  readonly condition: LaneCondition;
}

export interface GroupInfo {
  readonly name: string;
  readonly settings: string;
  /** Where it began: behind this seq. */
  readonly begin: number;
  /** What whoever held a lane last writes to; empty where nobody has said so. */
  readonly feeds: string;
  /** Of the lane that is furthest behind. */
  readonly lag: number;
  readonly lanes: readonly LaneInfo[];
}

export interface CreateGroupOptions extends CallOptions {
  /** Default: `first`. */
  readonly from?: GroupStart;
  /** How many members can work at a time, each on its share of the keys; default 1. */
  readonly lanes?: number;
  /** Must be the same for all consumers of the group; default empty. */
  readonly settings?: string;
}

export interface AcquireOptions extends CallOptions {
  /** Who asks. Two processes must not use the same name: each would take the lane from the other. */
  readonly member: string;
  readonly settings?: string;
  /** What the member writes to. Refused (ERR_GROUP_FEEDS) while a member that lives says otherwise. Default empty. */
  readonly feeds?: string;
  /** Default: any that is free. */
  readonly lane?: number;
}

/** A lane and the token with which it is held. */
export interface HeldLane {
  readonly lane: number;
  readonly token: number;
}

export interface LaneGrant extends HeldLane {
  /** How many the group has. */
  readonly lanes: number;
  readonly position: number;
  /** Where the group began: whoever has lost everything goes back to here. */
  readonly begin: number;
  /** Milliseconds within which it has to be renewed. */
  readonly leaseMs: number;
}

/** The groups of one log. Every answer comes from the log's leader; repeats do no harm. */
export class LogGroups {
  readonly #caller: Caller;
  readonly #log: string;

  constructor(caller: Caller, log: string) {
    this.#caller = caller;
    this.#log = log;
  }

  async list(options: CallOptions = {}): Promise<readonly GroupInfo[]> {
    const answer = await this.#call("GET", [], undefined, options);
    return (answer as { readonly items: readonly GroupInfo[] }).items;
  }

  /** Rejects with ERR_GROUP_NOT_FOUND. */
  async get(name: string, options: CallOptions = {}): Promise<GroupInfo> {
    return (await this.#call("GET", [name], undefined, options)) as GroupInfo;
  }

  /** Creates a group, or finds it if it is there and the same. Rejects with ERR_GROUP_SETTINGS, ERR_GROUP_LIMIT, ERR_GROUP_POSITION. */
  async create(name: string, options: CreateGroupOptions = {}): Promise<GroupInfo> {
    const { from, lanes, settings } = options;
    return (await this.#call("POST", [], { name, from, lanes, settings }, options)) as GroupInfo;
  }

  /** Rejects with ERR_GROUP_NOT_FOUND. */
  async delete(name: string, options: CallOptions = {}): Promise<void> {
    await this.#call("DELETE", [name], undefined, options, "once");
  }

  /** Lets every lane go on from elsewhere; whoever holds one loses it. */
  async reset(name: string, to: GroupStart, options: CallOptions = {}): Promise<GroupInfo> {
    return (await this.#call("POST", [name, "reset"], { to }, options)) as GroupInfo;
  }

  /**
   * Takes a lane. Rejects with ERR_GROUP_HELD while all are held by members that live: ask again later; with ERR_GROUP_FEEDS if those write
   * elsewhere.
   */
  async acquire(name: string, options: AcquireOptions): Promise<LaneGrant> {
    const { member, settings, feeds, lane } = options;
    const body = { member, settings, feeds, lane };
    return (await this.#call("POST", [name, "acquire"], body, options)) as LaneGrant;
  }

  /** Says that the holder lives. Rejects with ERR_GROUP_FENCED when it holds the lane no more. */
  async renew(name: string, { lane, token }: HeldLane, options: CallOptions = {}): Promise<void> {
    await this.#call("POST", [name, "renew"], { lane, token }, options);
  }

  /** Everything up to `position` is done with; resolves with where the lane stands, durably. Rejects with ERR_GROUP_FENCED. */
  async commit(
    name: string,
    { lane, token }: HeldLane,
    position: number,
    options: CallOptions = {},
  ): Promise<number> {
    const answer = await this.#call("POST", [name, "commit"], { lane, token, position }, options);
    return (answer as { readonly position: number }).position;
  }

  /** Gives a lane back, so that the next member need not wait for the end of the lease. */
  async release(name: string, { lane, token }: HeldLane, options: CallOptions = {}): Promise<void> {
    await this.#call("POST", [name, "release"], { lane, token }, options, "once");
  }

  #call(
    method: Call["method"],
    path: readonly string[],
    body: object | undefined,
    { signal }: CallOptions,
    repeat: Call["repeat"] = "safe",
  ): Promise<unknown> {
    const segments = [this.#log, "groups", ...path].map(encodeURIComponent);
    return this.#caller.call({
      method,
      path: `/v1/logs/${segments.join("/")}`,
      log: this.#log,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
      signal,
      repeat,
    });
  }
}
