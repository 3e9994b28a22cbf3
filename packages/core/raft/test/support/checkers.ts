import { asIndex, type LogIndex, type MemberId, type Term } from "../../src/types.ts";
import { type ReadState } from "../../src/ready.ts";
import type { ClusterMember } from "./clusterMember.ts";

interface Committed {
  readonly term: Term;
  /** Term of the member that was first seen to have committed it. */
  readonly atTerm: Term;
}

interface Seen {
  term: Term;
  commitIndex: LogIndex;
  leads: boolean;
}

/**
 * The properties of Raft (Fig. 3) over the states of all members, checked after every event. It knows the one true committed log: what
 * anybody was ever seen to have committed.
 */
export class Checkers {
  readonly #members: readonly ClusterMember[];
  readonly #truth = new Map<number, Committed>();
  readonly #leaders = new Map<Term, MemberId>();
  readonly #seen = new Map<MemberId, Seen>();
  readonly #asked = new Map<number, number>();
  #maxCommitted = 0;

  constructor(members: readonly ClusterMember[]) {
    this.#members = members;
  }

  get maxCommitted(): number {
    return this.#maxCommitted;
  }

  /** A crashed member begins anew: what it had not made durable may be gone. */
  forget(member: ClusterMember): void {
    this.#seen.delete(member.id);
  }

  asked(context: number): void {
    this.#asked.set(context, this.#maxCommitted);
  }

  /** Reads not stale: the index covers everything that was committed when the read was asked for. */
  answered({ context, index }: ReadState): void {
    const floor = this.#asked.get(context);
    assert(floor !== undefined, `nobody asked for read ${context}`);
    assert(
      index >= floor,
      `stale read: index ${index}, ${floor} was committed when it was asked for`,
    );
  }

  /** State machine safety: whoever applies an index applies the same entry there. */
  applied(member: ClusterMember, index: LogIndex, term: Term): void {
    const committed = this.#truth.get(index);
    assert(committed !== undefined, `member ${member.id} applied ${index}, which nobody committed`);
    assert(
      committed.term === term,
      `member ${member.id} applied ${term}/${index}, committed is ${committed.term}/${index}`,
    );
  }

  check(member: ClusterMember): void {
    const { term, commitIndex, role, lastIndex, applied } = member.core.status();
    const seen = this.#seen.get(member.id);
    if (seen !== undefined) {
      assert(term >= seen.term, `member ${member.id}: term fell from ${seen.term} to ${term}`);
      assert(
        commitIndex >= seen.commitIndex,
        `member ${member.id}: commitIndex fell from ${seen.commitIndex} to ${commitIndex}`,
      );
    }
    assert(
      applied <= commitIndex && commitIndex <= lastIndex,
      `member ${member.id}: not applied ${applied} ≤ commitIndex ${commitIndex} ≤ last ${lastIndex}`,
    );
    this.#checkCommitted(member, seen?.commitIndex ?? asIndex(0), commitIndex, term);
    const leads = role === "leader";
    if (leads && seen?.leads !== true) this.#checkLeader(member, term);
    this.#seen.set(member.id, { term, commitIndex, leads });
  }

  /** Log matching: equal (index, term) in two logs means equal logs up to there. */
  checkLogs(): void {
    for (const one of this.#members) {
      for (const other of this.#members) {
        if (one.id < other.id) this.#checkPair(one, other);
      }
    }
  }

  #checkPair(one: ClusterMember, other: ClusterMember): void {
    const from = Math.max(one.log.firstIndex(), other.log.firstIndex());
    let agreed = false;
    for (let i = Math.min(one.log.lastIndex(), other.log.lastIndex()); i >= from; i -= 1) {
      const index = asIndex(i);
      const same = one.log.term(index) === other.log.term(index);
      assert(
        same || !agreed,
        `logs of ${one.id} and ${other.id} agree above ${index} and not there`,
      );
      if (same) {
        agreed = true;
        assert(
          one.payload(index) === other.payload(index),
          `entry ${index} differs on ${one.id} and ${other.id} within one term`,
        );
      }
    }
  }

  #checkCommitted(member: ClusterMember, from: LogIndex, to: LogIndex, atTerm: Term): void {
    for (let i = from + 1; i <= to; i += 1) {
      const term = member.core.termAt(asIndex(i));
      if (term === undefined) continue;
      const known = this.#truth.get(i);
      if (known === undefined) {
        this.#checkQuorum(member, asIndex(i), term);
        this.#truth.set(i, { term, atTerm });
        this.#maxCommitted = Math.max(this.#maxCommitted, i);
      } else {
        assert(
          known.term === term,
          `member ${member.id} committed ${term}/${i}, before that ${known.term}/${i} was committed`,
        );
      }
    }
  }

  /** Committed on a quorum: durable on a majority of each half of the membership of whoever commits. */
  #checkQuorum(member: ClusterMember, index: LogIndex, term: Term): void {
    const { membership } = member.core.status();
    for (const half of [membership.voters, membership.votersOutgoing]) {
      const holders = half.filter((id) =>
        this.#members.some((other) => other.id === id && other.holds(index, term)),
      );
      assert(
        half.length === 0 || holders.length * 2 > half.length,
        `${term}/${index} was committed with only ${holders.join()} of ${half.join()} holding it`,
      );
    }
  }

  #checkLeader(member: ClusterMember, term: Term): void {
    const other = this.#leaders.get(term);
    assert(
      other === undefined || other === member.id,
      `election safety: ${other} and ${member.id} lead in term ${term}`,
    );
    this.#leaders.set(term, member.id);
    for (const [i, committed] of this.#truth) {
      if (committed.atTerm >= term) continue;
      const own = member.core.termAt(asIndex(i));
      const compacted = i < member.core.status().firstIndex;
      assert(
        compacted || own === committed.term,
        `leader completeness: leader ${member.id} of term ${term} has ${own} at ${i}, not ${committed.term}`,
      );
    }
  }
}

export function assert(ok: boolean, message: string): asserts ok {
  if (!ok) throw new Error(message);
}
