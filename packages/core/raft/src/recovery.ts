import type { RecoveryResponse } from "./message.ts";
import { asIndex, asTerm, type EntryId, type LogIndex, type MemberId, type Term } from "./types.ts";

/** Election timeouts for which a member that has started prefers candidates that have all that its peers had. */
const PREFERENCE_ELECTIONS = 3;
const NOTHING: EntryId = { term: asTerm(0), index: asIndex(0) };

/** A disk that does not hold what its member has acknowledged: an older copy. */
export interface RolledBack {
  /** Who remembers the acknowledgement. */
  readonly member: MemberId;
  /** In this term the member acknowledged the log up to this index. */
  readonly term: Term;
  readonly acknowledgedIndex: LogIndex;
  /** Where the log ended when that was found. */
  readonly lastIndex: LogIndex;
}

/** What a member that has started knows of itself from others. */
export interface RecoveryStatus {
  /** Voters that have not said yet what they remember, ascending. */
  readonly silent: readonly MemberId[];
  /** Some voter has answered. */
  readonly answered: boolean;
  /** No vote is given and none is asked for: there is hope for answers yet. */
  readonly waits: boolean;
  /** Committed, or acknowledged by this member, and not here yet: no vote goes to a log without it. */
  readonly lacks: EntryId | undefined;
  /** Set until the log holds again what was acknowledged. */
  readonly rolledBack: RolledBack | undefined;
}

export interface RecoveryOptions {
  /** Tells the answers to this core from those to an earlier one. */
  readonly context: number;
  /** The other voters. */
  readonly others: readonly MemberId[];
  /** Nothing was ever written to the disk. */
  readonly blank: boolean;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
}

/**
 * A disk cannot tell that it is an older copy of itself; peers can. So a member that has started asks them, as in the recovery protocol of
 * Viewstamped Replication (Liskov and Cowling, 2012, §4.3), and until it has their answers, or an election timeout has passed, it takes
 * part in no election. Whatever they answer only narrows whom it elects, so a wrong answer cannot make two leaders.
 */
export class Recovery {
  readonly context: number;
  readonly silent: Set<MemberId>;
  readonly #electionTicks: number;
  readonly #heartbeatTicks: number;
  /** Answers that are enough for a disk on which nothing was ever written: such a log is most likely new everywhere. */
  readonly #enough: number;
  #answers = 0;
  #ticks = 0;
  /** No log without this entry, or later ones, may win by this member's vote: it is committed, or was acknowledged here. */
  #floor = NOTHING;
  /** The end of the longest log of a peer: for a while, no log without it gets the vote. */
  #preferred = NOTHING;
  /** In a term up to this one the member may have voted already. */
  #votedTerm = asTerm(0);
  #rolledBack: { readonly found: RolledBack; readonly lost: EntryId } | undefined;

  constructor({ context, others, blank, electionTicks, heartbeatTicks }: RecoveryOptions) {
    this.context = context;
    this.silent = new Set(others);
    this.#electionTicks = electionTicks;
    this.#heartbeatTicks = heartbeatTicks;
    this.#enough = blank ? Math.ceil(others.length / 2) : Infinity;
  }

  get waits(): boolean {
    if (this.silent.size === 0 || this.#answers >= this.#enough) return false;
    return this.#ticks < this.#electionTicks;
  }

  /** Whether the vote of this member may go to a log that ends with `last`, in `term`. */
  elects(last: EntryId, term: Term): boolean {
    if (this.waits || term <= this.#votedTerm || isBefore(last, this.#floor)) return false;
    return this.#ticks >= this.#preferenceTicks || !isBefore(last, this.#preferred);
  }

  /** Whether it is time to repeat the question to whoever is silent. */
  tick(): boolean {
    this.#ticks += 1;
    const pace = this.#ticks < this.#electionTicks ? this.#heartbeatTicks : this.#electionTicks;
    return this.silent.size > 0 && this.#ticks % pace === 0;
  }

  /** An answer; `rolledBack` when it says that more was acknowledged than is here. Returns whether that is news. */
  learn(answer: RecoveryResponse, rolledBack: RolledBack | undefined): boolean {
    const { from, term, last, committed, acknowledged } = answer;
    if (this.silent.delete(from)) this.#answers += 1;
    this.#preferred = later(this.#preferred, last);
    this.#floor = later(this.#floor, committed);
    if (term > this.#votedTerm) this.#votedTerm = term;
    if (rolledBack === undefined) return false;
    const lost = acknowledged.entry;
    this.#floor = later(this.#floor, lost);
    const known = this.#rolledBack;
    if (known !== undefined && !isBefore(known.lost, lost)) return false;
    this.#rolledBack = { found: rolledBack, lost };
    return true;
  }

  status(last: EntryId): RecoveryStatus {
    const { found, lost = NOTHING } = this.#rolledBack ?? {};
    return {
      silent: [...this.silent].toSorted((a, b) => a - b),
      answered: this.#answers > 0,
      waits: this.waits,
      lacks: isBefore(last, this.#floor) ? this.#floor : undefined,
      rolledBack: isBefore(last, lost) ? found : undefined,
    };
  }

  get #preferenceTicks(): number {
    return PREFERENCE_ELECTIONS * this.#electionTicks;
  }
}

/** Compares the ends of two logs as votes do (Raft §5.4.1). */
export function isBefore(one: EntryId, other: EntryId): boolean {
  return one.term < other.term || (one.term === other.term && one.index < other.index);
}

function later(one: EntryId, other: EntryId): EntryId {
  return isBefore(one, other) ? other : one;
}
