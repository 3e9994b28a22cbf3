export { BenchError } from "./benchError.ts";
export { startThrowAway } from "./cluster/throwAway.ts";
export type { ThrowAway } from "./cluster/throwAway.ts";
export { fileSystemOf, givenTarget, throwAwayTarget } from "./cluster/target.ts";
export type { OwnTarget, Target, TargetNode } from "./cluster/target.ts";
export { bodyOf, COMPRESSIONS, FORMATS, recordsOfSample, recordsOfSize } from "./load/bodies.ts";
export type { BodyCompression, BodyFormat, BodyOptions } from "./load/bodies.ts";
export type { DriveProgress, DriveResult, Pace } from "./load/drive.ts";
export { appendRequest } from "./load/httpCarrier.ts";
export { assertShape, STANDARD_SHAPE, TRANSPORTS } from "./load/buildLoad.ts";
export type { LoadShape, Transport } from "./load/buildLoad.ts";
export { notAccepted, outcomeOf } from "./load/outcome.ts";
export type { Outcome } from "./load/outcome.ts";
export { RawConnection } from "./load/rawConnection.ts";
export { recordText } from "./load/recordText.ts";
export { cpuSeconds } from "./measure/processFigures.ts";
export type { ProcessUse } from "./measure/meter.ts";
export { Latencies } from "./measure/latencies.ts";
export type { LatencySummary } from "./measure/latencies.ts";
export {
  numberArgument,
  programArguments,
  usageProblem,
  wrongUsage,
} from "./programArguments.ts";
export { fill } from "./load/fill.ts";
export { measureCatchUp } from "./workloads/catchUp.ts";
export type { CatchUpFigures } from "./workloads/catchUp.ts";
export { measureConsume } from "./workloads/consume.ts";
export type { ConsumeFigures } from "./workloads/consume.ts";
export { measureFailover } from "./workloads/failover.ts";
export type { FailoverFigures } from "./workloads/failover.ts";
export { measureMixed } from "./workloads/mixed.ts";
export type { MixedFigures } from "./workloads/mixed.ts";
export { measureAppend } from "./workloads/append.ts";
export type { AppendFigures, AppendOptions } from "./workloads/append.ts";
