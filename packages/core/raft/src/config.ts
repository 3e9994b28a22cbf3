import type { HashChain } from "./hashChain.ts";
import type { Entry, LogIndex, MemberId } from "./types.ts";

/** How one core behaves. Numbers are in ticks, bytes or counts; `Infinity` means no limit where it is allowed. */
export interface RaftConfig {
  readonly id: MemberId;
  /** Ticks without word from a leader before a follower campaigns; the wait is drawn from [electionTicks, 2 × electionTicks). */
  readonly electionTicks: number;
  /** Ticks between two heartbeats of a leader; below electionTicks, a tenth of it is good. */
  readonly heartbeatTicks: number;
  /** Byte cap of one AppendEntries; a single larger entry still travels alone. 0 sends one entry a message. */
  readonly maxAppendBytes: number;
  /** Element cap of one AppendEntries, ≥ 1. */
  readonly maxAppendEntries: number;
  /** AppendEntries messages in flight to one follower, ≥ 1. */
  readonly maxInflightMessages: number;
  /** Payload bytes in flight to one follower; ≥ maxAppendBytes, or 0 for no limit. */
  readonly maxInflightBytes: number;
  /** Payload bytes that may wait uncommitted on a leader; a proposal beyond is dropped. 0 means no limit. */
  readonly maxUncommittedBytes: number;
  /** Payload bytes handed out for applying and not yet applied. */
  readonly maxCommittedBytes: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  /** `safe` confirms each read by a round of heartbeats; `lease` trusts clocks and needs checkQuorum. */
  readonly readOnly: "safe" | "lease";
  /** A leader that is removed or demoted steps down at once. */
  readonly stepDownOnRemoval: boolean;
  /** Lets any membership change be proposed; for transcripts only. */
  readonly disableMembershipValidation: boolean;
  /** A follower refuses proposals instead of passing them on. */
  readonly disableProposalForwarding: boolean;
  /**
   * Messages to a member arrive, or the driver reports the member unreachable. A probe that nobody has answered is then not sent beside
   * itself: the answer to a heartbeat brings an empty one, which finds out where the member stands. Default: every answer to a heartbeat
   * repeats the entries.
   */
  readonly reportsLoss?: boolean;
  /**
   * Whether entries that a leader has sent are such that they can be applied. They follow each other; `before` reads what the log holds in
   * front of them, above the applied index. Default: every payload will do.
   */
  readonly acceptable?: (
    entries: readonly Entry[],
    before: (index: LogIndex) => Entry | undefined,
  ) => boolean;
  /** At its start the member asks the others what they remember of it, since its disk may be an older copy. Default: it asks nobody. */
  readonly recovers?: boolean;
  /**
   * The copy of this member was given up, and the one of the member that is named here was kept. Until this log holds what that one had, it
   * gives its vote to nobody else and stands for no election. Default: the log is this member's own.
   */
  readonly emptiedFor?: MemberId;
  /**
   * Whether another member would be the better leader. While it says so, three election timeouts pass before this one stands by itself, in
   * each of which it votes for whoever does. Default: never.
   */
  readonly standsBack?: () => boolean;
  /** Where chain hashes come from. Default: entries have none, and histories are told apart by index and term only. */
  readonly chain?: HashChain;
  /** The applied index at start; entries at or below are not handed out again. */
  readonly applied: number;
  /** Uniform in [0, n): the only randomness of the core. */
  readonly randomBelow: (n: number) => number;
}
