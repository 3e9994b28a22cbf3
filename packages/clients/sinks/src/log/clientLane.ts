import type { AnnalsClient, GroupStart, LaneGrant } from "@annals/client";
import type { GroupLane, HeldBy } from "../run/ports.ts";

export interface ClientLaneOptions {
  readonly client: AnnalsClient;
  readonly log: string;
  readonly group: string;
  readonly lane: number;
  /** Lanes of the group. */
  readonly lanes: number;
  /** Where the group begins if it has to be made. */
  readonly from: GroupStart;
  /** Of the sink; another consumer of the group is refused. */
  readonly settings: string;
  /** What the sink writes to, without secrets. */
  readonly feeds: string;
  /** No other process may have the same. */
  readonly member: string;
}

/** A renewal that takes longer would not be the next one's turn. */
const CALLS_PER_LEASE = 3;

/** A lane of a group of a cluster's log. */
export class ClientLane implements GroupLane {
  readonly #options: ClientLaneOptions;

  constructor(options: ClientLaneOptions) {
    this.#options = options;
  }

  async acquire(signal: AbortSignal): Promise<LaneGrant> {
    const { client, log, group, lane, lanes, from, settings, feeds, member } = this.#options;
    const groups = client.groups(log);
    await groups.create(group, { from, lanes, settings, signal });
    return groups.acquire(group, { member, settings, feeds, lane, signal });
  }

  async renew(grant: LaneGrant, signal: AbortSignal): Promise<void> {
    const { client, log, group } = this.#options;
    const inTime = AbortSignal.timeout(Math.ceil(grant.leaseMs / CALLS_PER_LEASE));
    await client.groups(log).renew(group, grant, { signal: AbortSignal.any([signal, inTime]) });
  }

  async commit(grant: LaneGrant, position: number, signal: AbortSignal): Promise<void> {
    const { client, log, group } = this.#options;
    await client.groups(log).commit(group, grant, position, { signal });
  }

  async holder(signal: AbortSignal): Promise<HeldBy | undefined> {
    const { client, log, group, lane } = this.#options;
    const { lanes } = await client.groups(log).get(group, { signal });
    const { member, lag = 0, position = 0 } = lanes[lane] ?? {};
    return member === undefined ? undefined : { member, lag, position };
  }

  async release(grant: LaneGrant): Promise<void> {
    const { client, log, group } = this.#options;
    const signal = AbortSignal.timeout(grant.leaseMs);
    await client.groups(log).release(group, grant, { signal });
  }
}
