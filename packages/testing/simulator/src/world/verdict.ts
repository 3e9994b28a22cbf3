import type { MemberId } from "@annals/raft";

/** What a node has heard of the decision for one log, and keeps over restarts. */
export class Verdict {
  readonly #carriedOut = new Set<MemberId>();
  #heard = false;

  /** The decision is known here. */
  get heard(): boolean {
    return this.#heard;
  }

  hear(): void {
    this.#heard = true;
  }

  /** A replica knows that a member has carried the decision out; before the decision itself it means nothing. */
  learn(member: MemberId): void {
    this.#carriedOut.add(member);
  }

  /** Whether a member has a say in the log. */
  heeds(member: MemberId): boolean {
    return !this.#heard || this.#carriedOut.has(member);
  }
}
