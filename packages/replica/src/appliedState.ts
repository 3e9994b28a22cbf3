import type { LogIndex, MembershipState } from "@annals/raft";
import type { AppliedUpdate } from "./ports.ts";
import type { ProducerTable } from "./producers.ts";

/** Gathers what applying changed until the next write cycle takes it along. */
export class AppliedState {
  readonly #producers: ProducerTable;
  #index: LogIndex;
  #storedIndex: LogIndex;
  #membership: MembershipState | undefined;
  #restored: AppliedUpdate | undefined;

  constructor(storedIndex: LogIndex, producers: ProducerTable) {
    this.#index = storedIndex;
    this.#storedIndex = storedIndex;
    this.#producers = producers;
  }

  get index(): LogIndex {
    return this.#index;
  }

  applied(index: LogIndex): void {
    this.#index = index;
  }

  membershipChanged(membership: MembershipState): void {
    this.#membership = membership;
  }

  /** Everything since the last take; undefined when nothing was applied. */
  take(): AppliedUpdate | undefined {
    if (this.#index === this.#storedIndex) return undefined;
    const update = {
      appliedIndex: this.#index,
      membership: this.#membership ?? this.#restored?.membership,
      producers: new Map([...(this.#restored?.producers ?? []), ...this.#producers.takeChanged()]),
    };
    this.#storedIndex = this.#index;
    this.#membership = undefined;
    this.#restored = undefined;
    return update;
  }

  /** The update could not be written: the next `take` includes it. */
  restore(update: AppliedUpdate): void {
    this.#restored = update;
    // Any value below the applied index makes the next take due.
    this.#storedIndex = NEVER_STORED;
  }
}

const NEVER_STORED = -1 as LogIndex;
