export { BoltFailure } from "./bolt/boltEngine.ts";
export type * from "./bolt/boltEngine.ts";
export type { BoltFault, BoltFaults } from "./bolt/boltFaults.ts";
export type { BoltServerOptions } from "./bolt/boltServer.ts";
export { BoltServer } from "./bolt/boltServer.ts";
export { GrafeoEngine } from "./bolt/grafeoEngine.ts";
export type { PackStructure, PackValue } from "./bolt/packStream.ts";
export { packStructure, unpackStructure } from "./bolt/packStream.ts";
export { KINDS, rewriteFile, runFile } from "./conformance/runFile.ts";
export type { Difference, FileResult, Kind, RunOptions } from "./conformance/runFile.ts";
export { numberArgument, programArguments, wrongUsage } from "@annals/bench";
export { hex, readGolden } from "./golden.ts";
export type { Golden } from "./golden.ts";
export { repairFrom } from "./storage/repairFrom.ts";
export { LOG_STORE_CONTRACT } from "./storage/contract.ts";
export type { ContractCase, LogStoreHarness } from "./storage/contractCase.ts";
export { seededRandom } from "./storage/randomCycles.ts";
export {
  batchEntry,
  chainOf,
  cycleOf,
  hardState,
  noopEntry,
  plainEntries,
  SAMPLE_MEMBERSHIP,
} from "./storage/sampleLog.ts";
export { MemoryBlobs } from "./storage/memoryBlobs.ts";
export { SimulatedDisk } from "./storage/simulatedDisk.ts";
export { SimulatedLogStore } from "./storage/simulatedLogStore.ts";
export { SimulatedCluster } from "./replica/simulatedCluster.ts";
export type { SimulatedClusterOptions, SimulatedMember } from "./replica/simulatedCluster.ts";
export { isSmoke, runMicroBenches } from "./microBench.ts";
export type { MicroBench } from "./microBench.ts";
export { readSpecLinks } from "./specLinks.ts";
export type { SpecLinks } from "./specLinks.ts";
export { MUTANTS } from "./mutants/mutants.ts";
export { parseArguments as parseSimulatorArguments } from "./simulator/arguments.ts";
export { shrink } from "./simulator/shrink.ts";
export { simulate } from "./simulator/simulation.ts";
export type { Outcome } from "./simulator/simulation.ts";
export type { Schedule } from "./simulator/world.ts";
export { BrokerGate } from "./kafka/brokerGate.ts";
export type { BrokerGateOptions, GateMechanism } from "./kafka/brokerGate.ts";
export { GroupCoordinator } from "./kafka/groupCoordinator.ts";
export { MockBroker, whyNoBroker } from "./kafka/mockBroker.ts";
export { throwAwayCertificate, whyNoCertificate } from "./kafka/throwAwayCertificate.ts";
export type { Certificate } from "./kafka/throwAwayCertificate.ts";
export { messageOf } from "./fuzz/messageOf.ts";
export {
  drawRefusals,
  fallenPoints,
  readPoints,
  refuseAll,
  sampledCalls,
} from "./refusals/all.ts";
export { driveRefusals } from "./refusals/driver.ts";
export type { RefusalAttempt } from "./refusals/driver.ts";
export { Refusals } from "./refusals/refusals.ts";
export type { RefusalsOptions } from "./refusals/refusals.ts";
export type { RefusalOutcome, RefusalWalk } from "./refusals/walk.ts";
export { runWithFewFiles, takeFileDescriptors } from "./withoutFiles.ts";
export { SAMPLES, mustLoad, problemsOf } from "./configSamples.ts";
