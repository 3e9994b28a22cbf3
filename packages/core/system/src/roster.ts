import type { MemberId } from "@annals/raft";

export interface RosterEntry {
  readonly node: string;
  readonly member: MemberId;
}

/**
 * Which incarnation each node of the cluster has now. It begins with those of the birth; a node that comes back with an empty disk is a new
 * incarnation and takes the place of its predecessor, which is retired for good.
 */
export class Roster {
  readonly #current: Map<string, MemberId>;
  readonly #retired = new Set<MemberId>();

  constructor(founders: readonly RosterEntry[]) {
    this.#current = new Map(founders.map(({ node, member }) => [node, member]));
  }

  /** The same replacement twice changes nothing; a retired incarnation never comes back. */
  replace(node: string, member: MemberId): boolean {
    const former = this.#current.get(node);
    if (former === undefined || former === member || this.#retired.has(member)) return false;
    this.#retired.add(former);
    this.#current.set(node, member);
    return true;
  }

  memberOf(node: string): MemberId | undefined {
    return this.#current.get(node);
  }

  nodeOf(member: MemberId): string | undefined {
    return this.entries().find((entry) => entry.member === member)?.node;
  }

  isRetired(member: MemberId): boolean {
    return this.#retired.has(member);
  }

  entries(): readonly RosterEntry[] {
    return [...this.#current].map(([node, member]) => ({ node, member }));
  }

  /** Every current incarnation, ascending: the voters of a log that is born now. */
  members(): readonly MemberId[] {
    return [...this.#current.values()].toSorted((a, b) => a - b);
  }
}
