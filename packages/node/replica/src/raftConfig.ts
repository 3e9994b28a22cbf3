import type { RaftConfig } from "@annals/raft";
import { acceptableEntries } from "./acceptable.ts";
import type { Applied } from "./acceptable.ts";
import type { ReplicaOptions } from "./options.ts";
import type { StampClock } from "./stampClock.ts";

/** How the core of a replica behaves: what is configured, and what is not open to choice. */
export function raftConfig(
  { self, config, store, randomBelow, emptiedFor }: ReplicaOptions,
  applied: () => Applied,
  stamps: StampClock,
): RaftConfig {
  const { append } = config;
  return {
    id: self,
    electionTicks: config.electionTicks,
    heartbeatTicks: config.heartbeatTicks,
    maxAppendBytes: append.maxBytes,
    maxAppendEntries: append.maxEntries,
    maxInflightMessages: append.maxInflightMessages,
    maxInflightBytes: append.maxInflightBytes,
    maxUncommittedBytes: config.maxUncommittedBytes,
    maxCommittedBytes: config.maxCommittedBytes,
    preVote: true,
    checkQuorum: true,
    readOnly: "safe",
    stepDownOnRemoval: true,
    disableMembershipValidation: false,
    disableProposalForwarding: true,
    chain: store,
    reportsLoss: true,
    recovers: true,
    ...(emptiedFor === undefined ? {} : { emptiedFor }),
    acceptable: acceptableEntries(applied),
    standsBack: () => stamps.off,
    applied: store.appliedIndex(),
    randomBelow,
  };
}
