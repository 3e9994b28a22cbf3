export type { AppendResult } from "./appendQueue.ts";
export { replicaClosed } from "./errors.ts";
export { REPLICA_DEFAULTS } from "./config.ts";
export type { ReplicaConfig } from "./config.ts";
export { nextMembershipChange } from "./membershipSteps.ts";
export { NO_BLOBS } from "./ports.ts";
export type * from "./ports.ts";
export { PRODUCER_WINDOW, ProducerTable } from "./producers.ts";
export { RunRepair } from "./repair.ts";
export { witnessesNeeded } from "./witnesses.ts";
export type {
  DamagedRun,
  RepairOptions,
  RepairOutcome,
  RepairPage,
  RepairSink,
  RepairStatus,
} from "./repair.ts";
export { Replica } from "./replica.ts";
export type { AppendRequest, ReplicaEvents, ReplicaOptions, ReplicaStatus } from "./options.ts";
