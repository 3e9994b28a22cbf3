export { blobsOf, sweepBlobs } from "./blobs.ts";
export { divergenceReason } from "./divergenceReason.ts";
export { groupConditions, runGroupRequest } from "./groupRequests.ts";
export type {
  FromWorker,
  HostedCopy,
  HostedLogStatus,
  PeerAddress,
  PeerChange,
  RepairNote,
  ToWorker,
  WorkerMemory,
  WorkerReplies,
  WorkerRequest,
  WorkerSetup,
} from "./lane/messages.ts";
export { GATEWAY_CODEC } from "./lane/packing.ts";
export { LogVerdict } from "./logVerdict.ts";
export { openStore } from "./openStore.ts";
export { peerHello } from "./peerHello.ts";
export { emptiedReason, leaderlessReason, rolledBackReason } from "./recoveryReason.ts";
export { compileSchema } from "./schema/compileSchema.ts";
export { WORKER_MAIN } from "./workerMain.ts";
export { nodeStampClock } from "./nodeStampClock.ts";
