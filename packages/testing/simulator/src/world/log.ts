import type {
  Bounds,
  Checker,
  CommandOracle,
  CommittedLog,
  Configurations,
  DurabilityLedger,
  FreshReads,
  GroupOracle,
  LaneHolders,
  LogOracle,
  Receipts,
  Tails,
} from "@annals/check";
import type { Replica, ReplicaStatus } from "@annals/replica";
import type { RareStates } from "../rareStates/rareStates.ts";
import type { Cluster } from "./cluster.ts";
import type { Member } from "./machine.ts";

/** A client that reads when it is told to, too. */
export interface Reader {
  readonly openRequests: number;
  stop(): void;
  /** Reads linearizably at this replica now, however many reads are open. */
  ask(target: Member): void;
}

/** A consumer that follows the end of a log. */
export interface TailConsumer {
  readonly openRequests: number;
  stop(): void;
  /** FAULT: it stops reading for a while. */
  stallFor(us: number): void;
}

/**
 * One replicated log, as clients and faults see it: its replicas, its committed entries, and the
 * checkers that hear of promises.
 */
export interface Log {
  readonly number: number;
  readonly world: Cluster;
  /** One for every machine that there ever was, by its number. */
  readonly replicas: readonly Member[];
  readonly configurations: Configurations;
  readonly committed: CommittedLog;
  readonly oracle: LogOracle;
  readonly ledger: DurabilityLedger;
  readonly reads: FreshReads;
  readonly receipts: Receipts;
  readonly tails: Tails;
  readonly commands: CommandOracle;
  readonly groups: GroupOracle;
  readonly holders: LaneHolders;
  readonly bounds: Bounds;
  readonly rareStates: RareStates;
  readonly readClients: readonly Reader[];
  readonly tailClients: readonly TailConsumer[];
}

/** One replicated log, as its replicas see it. */
export interface WatchedLog extends Pick<Log, "number" | "world" | "receipts" | "rareStates"> {
  readonly checkers: readonly Checker[];
  /** A turn of a replica has ended. */
  turned(target: Member, replica: Replica): void;
  /** The turn in which a replica failed has ended. */
  turnedLast(target: Member, status: ReplicaStatus): void;
}

/** All logs of the cluster, by number. */
export interface Logs {
  readonly logs: readonly Log[];
}
