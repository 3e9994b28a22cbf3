import { decodeMembershipChange, invariant } from "@annals/raft";
import type { Entry, LogIndex, MembershipChange, MembershipState } from "@annals/raft";
import { asSeq, decodeBatchHeader } from "@annals/record";
import type { Seq } from "@annals/record";
import type { AppliedUpdate, LogStore } from "./ports.ts";
import { decodeGroupCommand, isGroupCommand } from "./groupCommand.ts";
import { GroupTable } from "./groups.ts";
import { ProducerTable } from "./producers.ts";

export interface StateMachineOptions {
  readonly store: LogStore;
  readonly maxProducers: number;
  readonly applyMembership: (change: MembershipChange) => MembershipState;
  readonly onCommand: (index: LogIndex, data: Uint8Array) => void;
}

/**
 * What the applied entries add up to: the seq of the last record, the producers, the groups, the membership. The records themselves stay
 * where they are, in the log. Changes gather here until the next write cycle takes them along, in one transaction with the applied index.
 */
export class StateMachine {
  readonly producers: ProducerTable;
  readonly groups: GroupTable;
  readonly #options: StateMachineOptions;
  #appliedIndex: LogIndex;
  #appliedSeq: Seq;
  #lastRecordedAt: number;
  /** Whether something was applied that no cycle has taken. */
  #due = false;
  #membership: MembershipState | undefined;
  #restored: AppliedUpdate | undefined;

  constructor(options: StateMachineOptions) {
    const { store, maxProducers } = options;
    this.#options = options;
    this.producers = new ProducerTable(maxProducers, store.producers());
    this.groups = new GroupTable(store.groups());
    this.#appliedIndex = store.appliedIndex();
    const last = lastRecords(store);
    this.#appliedSeq = last.seq;
    this.#lastRecordedAt = last.recordedAt;
  }

  get appliedIndex(): LogIndex {
    return this.#appliedIndex;
  }

  /** Seq of the last applied record; 0 for none. */
  get appliedSeq(): Seq {
    return this.#appliedSeq;
  }

  /** When the last applied batch was made, in ms since 1970. */
  get lastRecordedAt(): number {
    return this.#lastRecordedAt;
  }

  apply(entry: Entry): void {
    switch (entry.kind) {
      case "records":
        this.#applyRecords(entry);
        break;
      case "membership":
        this.#membership = this.#options.applyMembership(decodeMembershipChange(entry.data));
        break;
      case "command":
        if (isGroupCommand(entry.data))
          this.groups.apply(entry.index, decodeGroupCommand(entry.data));
        else this.#options.onCommand(entry.index, entry.data);
        break;
      case "noop":
        break;
      default:
        entry.kind satisfies never;
    }
    this.#appliedIndex = entry.index;
    this.#due = true;
  }

  #applyRecords(entry: Entry): void {
    const header = decodeBatchHeader(entry.data);
    invariant(
      header.firstSeq === this.#appliedSeq + 1,
      `entry ${entry.index} starts at seq ${header.firstSeq}, the log ends at ${this.#appliedSeq}`,
    );
    this.#appliedSeq = asSeq(header.firstSeq + header.count - 1);
    this.#lastRecordedAt = Math.max(this.#lastRecordedAt, header.recordedAt);
    this.producers.apply(entry.index, header);
  }

  /** Everything since the last take; undefined when nothing was applied. */
  takeUpdate(): AppliedUpdate | undefined {
    if (!this.#due) return undefined;
    const update = {
      appliedIndex: this.#appliedIndex,
      membership: this.#membership ?? this.#restored?.membership,
      producers: new Map([...(this.#restored?.producers ?? []), ...this.producers.takeChanged()]),
      groups: new Map([...(this.#restored?.groups ?? []), ...this.groups.takeChanged()]),
    };
    this.#due = false;
    this.#membership = undefined;
    this.#restored = undefined;
    return update;
  }

  /** The update could not be written: the next take includes it. */
  restoreUpdate(update: AppliedUpdate): void {
    this.#restored = update;
    this.#due = true;
  }
}

/** Seq and time of the last record at or below the applied index. Looks back over the few entries that carry no records. */
function lastRecords(store: LogStore): { seq: Seq; recordedAt: number } {
  const first = store.firstIndex();
  for (let index: number = store.appliedIndex(); index >= first && index > 0; index--) {
    const stored = store.storedEntry(index as LogIndex);
    if (stored?.entry.kind !== "records") continue;
    const { firstSeq, count, recordedAt } = decodeBatchHeader(stored.entry.data);
    return { seq: asSeq(firstSeq + count - 1), recordedAt };
  }
  return { seq: asSeq(0), recordedAt: 0 };
}
