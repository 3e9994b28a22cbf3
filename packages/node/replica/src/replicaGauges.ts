import { GROUPS_MAX, Ledger } from "@annals/flow";
import type { Gauge, GaugeFamily } from "@annals/flow";
import type { Entry } from "@annals/raft";
import type { ReplicaConfig } from "./config.ts";

/** What one replica holds, by the names of its bounds. The gauges report to the families of a ledger, which outlives the replica. */
export class ReplicaGauges {
  readonly appends: GaugeFamily;
  readonly #uncommitted: Gauge;
  readonly #writing: Gauge;
  readonly #applying: Gauge;
  readonly #producers: Gauge;
  readonly #groups: Gauge;

  constructor(config: ReplicaConfig, ledger: Ledger = new Ledger()) {
    // Raft takes 0 as no limit.
    const uncommittedCap = Math.max(1, config.maxUncommittedBytes);
    this.appends = ledger.family("log.appends");
    this.#uncommitted = ledger.family("log.uncommitted").gauge(uncommittedCap);
    this.#writing = ledger.family("log.writing").gauge(uncommittedCap);
    this.#applying = ledger.family("log.applying").gauge(Math.max(1, config.maxCommittedBytes));
    this.#producers = ledger.family("log.producers").gauge(config.maxProducers);
    this.#groups = ledger.family("log.groups").gauge(GROUPS_MAX);
  }

  /** Bytes proposed here and not applied. */
  uncommitted(bytes: number): void {
    this.#uncommitted.set(bytes);
  }

  /** The entries of the transaction in the air; none when it has ended. */
  writing(entries: readonly Entry[]): void {
    this.#writing.set(payload(entries));
  }

  /** Entries are applied, within this turn. */
  applying(entries: readonly Entry[]): void {
    this.#applying.set(payload(entries));
    this.#applying.set(0);
  }

  producers(count: number): void {
    this.#producers.set(count);
  }

  groups(count: number): void {
    this.#groups.set(count);
  }

  /** The replica holds nothing any more. */
  close(): void {
    this.#uncommitted.set(0);
    this.#writing.set(0);
    this.#applying.set(0);
    this.#producers.set(0);
    this.#groups.set(0);
  }
}

function payload(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.data.length, 0);
}
