import { asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";

/** The log that carries the commands of the simulated cluster, as `_system` does in production. */
export const SYSTEM_LOG = 1;

/** Which member each place of the cluster is given to, changed by commands in the system log. */
export type RosterCommand =
  /** The machine of a place came back with an empty disk, or a new place was added: it has this member now. */
  | { readonly op: "settle"; readonly place: number; readonly member: number }
  /** The place is given up. */
  | { readonly op: "leave"; readonly place: number; readonly member: number };

export function encodeRosterCommand(command: RosterCommand): Uint8Array {
  return new TextEncoder().encode(`roster ${command.op} ${command.place} ${command.member}`);
}

/** Undefined for a command that is not about the roster. */
export function decodeRosterCommand(data: Uint8Array): RosterCommand | undefined {
  const [what, op, place, member] = new TextDecoder().decode(data).split(" ");
  if (what !== "roster" || (op !== "settle" && op !== "leave")) return undefined;
  return { op, place: Number(place), member: Number(member) };
}

/**
 * What one node knows of who belongs to the cluster: the simulated counterpart of the server's roster. A member that was replaced is
 * retired for good, and whoever knows so refuses it; one that left is no more wanted, and is still heard.
 */
export class Roster {
  readonly #current: Map<number, MemberId>;
  readonly #retired = new Set<number>();
  readonly #left = new Set<number>();

  constructor(born: ReadonlyMap<number, MemberId>) {
    this.#current = new Map(born);
  }

  apply({ op, place, member }: RosterCommand): void {
    const former = this.#current.get(place);
    if (op === "leave") {
      if (former !== member) return;
      this.#left.add(member);
      this.#current.delete(place);
      return;
    }
    if (former === member || this.isGone(member)) return;
    if (former !== undefined) this.#retired.add(former);
    this.#current.set(place, asMemberId(member));
  }

  memberAt(place: number): MemberId | undefined {
    return this.#current.get(place);
  }

  isRetired(member: number): boolean {
    return this.#retired.has(member);
  }

  /** Retired or left: it never belongs to the cluster again. */
  isGone(member: number): boolean {
    return this.#retired.has(member) || this.#left.has(member);
  }

  /** Ascending: whom every log should have as its voters. */
  members(): readonly MemberId[] {
    return [...this.#current.values()].toSorted((a, b) => a - b);
  }
}
