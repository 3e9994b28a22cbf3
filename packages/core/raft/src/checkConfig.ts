import type { RaftConfig } from "./config.ts";

/** The settings of a core do not fit together. The message quotes the numbers. */
export class RaftConfigError extends Error {
  override readonly name: string = "RaftConfigError";
  readonly code: string = "ERR_RAFT_CONFIG";
}

/** Throws `RaftConfigError` with every problem at once. */
export function checkConfig(config: RaftConfig): void {
  const problems: string[] = [];
  const positive = (name: string, value: number): void => {
    if (!(value >= 1)) problems.push(`${name} ${value} is below 1`);
  };
  positive("id", config.id);
  positive("heartbeatTicks", config.heartbeatTicks);
  positive("maxAppendEntries", config.maxAppendEntries);
  positive("maxInflightMessages", config.maxInflightMessages);
  positive("maxCommittedBytes", config.maxCommittedBytes);
  if (!(config.electionTicks > config.heartbeatTicks)) {
    problems.push(
      `electionTicks ${config.electionTicks} is not above heartbeatTicks ${config.heartbeatTicks}`,
    );
  }
  if (!(config.maxAppendBytes >= 0)) {
    problems.push(`maxAppendBytes ${config.maxAppendBytes} is below 0`);
  }
  if (!(config.maxUncommittedBytes >= 0)) {
    problems.push(`maxUncommittedBytes ${config.maxUncommittedBytes} is below 0`);
  }
  if (config.maxInflightBytes !== 0 && !(config.maxInflightBytes >= config.maxAppendBytes)) {
    problems.push(
      `maxInflightBytes ${config.maxInflightBytes} is below maxAppendBytes ${config.maxAppendBytes}: one message could never be sent`,
    );
  }
  if (config.readOnly === "lease" && !config.checkQuorum) {
    problems.push("readOnly lease needs checkQuorum");
  }
  if (problems.length > 0) throw new RaftConfigError(`raft: ${problems.join("; ")}`);
}
