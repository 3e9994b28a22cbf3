import { jointCommitted } from "./quorum.ts";
import type { LogIndex, MemberId, MembershipState } from "./types.ts";

/** Someone who waits for a read index: this member or the one that asked it. */
export interface ReadRequest {
  readonly from: MemberId;
  readonly context: number;
}

interface UnconfirmedRead extends ReadRequest {
  /** The commit index when the read was asked for. */
  readonly index: LogIndex;
}

/**
 * Reads that wait for a quorum to confirm the leadership (thesis §6.4). Each read has a position, counted from the beginning of the
 * leadership; heartbeats carry the newest position and their responses bring it back. The position is made here and never repeats within
 * a term, so that a delayed response to an older round cannot confirm a newer read, even if the asker uses its context again.
 */
export class ReadOnly {
  readonly #acks = new Map<MemberId, number>();
  #unconfirmed: UnconfirmedRead[] = [];
  #confirmed = 0;

  get waiting(): number {
    return this.#unconfirmed.length;
  }

  /** Position of the newest unconfirmed read; 0 if nobody waits. */
  get token(): number {
    return this.#unconfirmed.length === 0 ? 0 : this.#confirmed + this.#unconfirmed.length;
  }

  add(request: ReadRequest, index: LogIndex): void {
    this.#unconfirmed.push({ from: request.from, context: request.context, index });
  }

  /** `from` still followed this leader when it received the heartbeat with `token`. Tokens that were never sent are ignored. */
  ack(from: MemberId, token: number): void {
    if (token > this.#confirmed + this.#unconfirmed.length) return;
    if (token > (this.#acks.get(from) ?? 0)) this.#acks.set(from, token);
  }

  /** Takes out the reads that a quorum has confirmed, oldest first. */
  confirm(membership: MembershipState): readonly UnconfirmedRead[] {
    const confirmed = jointCommitted(membership.voters, membership.votersOutgoing, (voter) =>
      this.#acks.get(voter),
    );
    if (confirmed <= this.#confirmed || !Number.isFinite(confirmed)) return [];
    const taken = this.#unconfirmed.splice(0, confirmed - this.#confirmed);
    this.#confirmed = confirmed;
    return taken;
  }

  /** A leadership ends or begins: everybody who waits must ask again. */
  reset(): void {
    this.#acks.clear();
    this.#unconfirmed = [];
    this.#confirmed = 0;
  }
}
