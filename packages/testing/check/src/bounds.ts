import type { ReplicaConfig, ReplicaStatus } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Observed, Report } from "./checker.ts";

/** No queue holds more than its cap and one item, and every one is empty when nothing is under way. */
export class Bounds {
  readonly #report: Report;
  readonly #config: ReplicaConfig;
  readonly #itemBytes: number;

  /** `itemBytes`: the largest request of any client, as it is encoded. */
  constructor(report: Report, config: ReplicaConfig, itemBytes: number) {
    this.#report = report;
    this.#config = config;
    this.#itemBytes = itemBytes;
  }

  turned(replica: Observed, { pendingBytes, raft }: ReplicaStatus): void {
    const { maxPendingBytes, maxUncommittedBytes } = this.#config;
    this.#atMost(replica, "pending bytes", pendingBytes.current, maxPendingBytes);
    this.#atMost(replica, "uncommitted bytes", raft.uncommittedBytes, maxUncommittedBytes);
  }

  /** What is still held although nothing is under way; undefined if all is empty. */
  leftOver({ pendingBytes, raft }: ReplicaStatus): string | undefined {
    if (pendingBytes.current !== 0) return `${pendingBytes.current} pending bytes`;
    if (raft.uncommittedBytes !== 0) return `${raft.uncommittedBytes} uncommitted bytes`;
    if (raft.readsWaiting !== 0) return `${raft.readsWaiting} reads`;
    return undefined;
  }

  #atMost(replica: Observed, what: string, value: number, cap: number): void {
    if (value > cap + this.#itemBytes || value < 0)
      this.#report("bounds", `${describe(replica)}: ${value} ${what}, the cap is ${cap}`);
  }
}
