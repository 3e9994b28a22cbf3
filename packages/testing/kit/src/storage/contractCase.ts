import type { LogStore } from "@annals/replica";

/** One log on one disk. */
export interface LogStoreHarness {
  /** Opens the log, born with `SAMPLE_MEMBERSHIP` the first time; whoever had it open has closed it before. */
  open(): Promise<LogStore>;
}

export interface ContractCase {
  readonly name: string;
  readonly run: (harness: LogStoreHarness) => Promise<void>;
}
