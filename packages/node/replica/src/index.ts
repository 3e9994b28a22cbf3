export type { AppendResult } from "./appendQueue.ts";
export type { Divergence, Histories, HistoryClaim, HistoryProof } from "./divergence.ts";
export { replicaClosed } from "./errors.ts";
export { REPLICA_DEFAULTS } from "./config.ts";
export type { ReplicaConfig } from "./config.ts";
export { decodeGroupCommand, isGroupCommand } from "./groupCommand.ts";
export type { GroupCommand } from "./groupCommand.ts";
export { GroupDesk } from "./groupDesk.ts";
export type { GroupView, LaneGrant, LaneView, NewGroup } from "./groupDesk.ts";
export { GroupTable } from "./groups.ts";
export type { GroupId } from "./groupCommand.ts";
export type { GroupState, LaneState } from "./groups.ts";
export { supersedes } from "./outbox.ts";
export { nextMembershipChange } from "./membershipSteps.ts";
export { NO_BLOBS } from "./ports.ts";
export type * from "./ports.ts";
export { PRODUCER_WINDOW, ProducerTable } from "./producers.ts";
export { HandOverPace } from "./steering.ts";
export { clockSample } from "./clockSample.ts";
export type { ClockSample } from "./clockSample.ts";
export { StampClock } from "./stampClock.ts";
export type { ClockView, PeerClockView, StampsAhead } from "./stampClock.ts";
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
export type {
  AppendRequest,
  PeerRefusal,
  ReplicaEvents,
  ReplicaOptions,
  ReplicaStatus,
} from "./options.ts";
