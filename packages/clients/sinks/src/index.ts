export { ClientLane } from "./log/clientLane.ts";
export type { ClientLaneOptions } from "./log/clientLane.ts";
export { ClientLog } from "./log/clientLog.ts";
export type { ClientLogOptions } from "./log/clientLog.ts";
export { DEAD_LETTER, DeadLetterLog, deadLetterLogOf } from "./log/deadLetterLog.ts";
export type { DeadLetterLogOptions } from "./log/deadLetterLog.ts";
export { NdjsonFile } from "./ndjson/ndjsonFile.ts";
export type { NdjsonFileOptions } from "./ndjson/ndjsonFile.ts";
export { compareSides } from "./compare.ts";
export type { Comparison, Difference } from "./compare.ts";
export { heldOf } from "./run/heldOf.ts";
export type { HeldStretch } from "./run/heldOf.ts";
export { inspect } from "./inspect.ts";
export { valueHash } from "./valueHash.ts";
export { codeOf, messageOf } from "./messageOf.ts";
export { canonicalJson, fingerprint, recordHash } from "./recordHash.ts";
export { SINK_LIMITS } from "./run/limits.ts";
export type { SinkLimits } from "./run/limits.ts";
export type * from "./run/ports.ts";
export { runAll } from "./run/runAll.ts";
export { SinkRunner } from "./run/runner.ts";
export type { SinkRunnerOptions } from "./run/runner.ts";
export type { SinkFailure, SinkState, SinkStatus } from "./run/status.ts";
export { conflicting, parted, unreachable } from "./run/stops.ts";
export { sameCursor } from "./sink.ts";
export type * from "./sink.ts";
export { SinkError } from "./sinkError.ts";
export { Webhook } from "./webhook/webhook.ts";
export type { WebhookOptions } from "./webhook/webhook.ts";
export { SINK_CONFORMANCE } from "./kit/conformance.ts";
export type {
  MakeSink,
  SinkCaseName,
  SinkConformanceCase,
  SinkHarness,
} from "./kit/conformance.ts";
export { conformanceTable, outcomeDeclared, tryCases } from "./kit/declaration.ts";
export type { CaseOutcome, ConformanceOutcomes, DeclaredSink } from "./kit/declaration.ts";
export { byLabel, oneValue, runnerMetrics } from "./runnerMetrics.ts";
export type { RunnerMetric } from "./runnerMetrics.ts";
export { nothingAt, RunnerServer } from "./runnerServer.ts";
export type * from "./runnerServer.ts";
export { StatusServer } from "./statusServer.ts";
export type { StatusServerOptions } from "./statusServer.ts";
export { SYSTEM_CLOCK } from "./log/systemClock.ts";
export { LETTER_RETRIED, LETTER_SKIPPED, listLetters, resolutionRecord } from "./log/letters.ts";
export type { ListedLetter } from "./log/letters.ts";
export { replay } from "./replay.ts";
export { Postgres } from "./postgres/postgres.ts";
export type { PostgresOptions } from "./postgres/postgres.ts";
export { addressOf, CONNECTION, hangUp } from "./postgres/connection.ts";
export { classifySqlState } from "./postgres/sqlState.ts";
