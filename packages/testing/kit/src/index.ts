export { SAMPLES, mustLoad, problemsOf } from "./configSamples.ts";
export { countText } from "./countText.ts";
export { hex, readGolden } from "./golden.ts";
export { messageOf } from "./messageOf.ts";
export { isSmoke, runMicroBenches } from "./microBench.ts";
export { numberArgument, programArguments, usageProblem, wrongUsage } from "./programArguments.ts";
export { Random } from "./random.ts";
export { drawRefusals, fallenPoints, readPoints, refuseAll, sampledCalls } from "./refusals/all.ts";
export { driveRefusals } from "./refusals/driver.ts";
export type { RefusalAttempt } from "./refusals/driver.ts";
export { Refusals } from "./refusals/refusals.ts";
export type { RefusalsOptions } from "./refusals/refusals.ts";
export type { RefusalOutcome, RefusalWalk } from "./refusals/walk.ts";
export { SimulatedCluster } from "./replica/simulatedCluster.ts";
export type { SimulatedMember } from "./replica/simulatedCluster.ts";
export { runMain } from "./runMain.ts";
export { readSpecLinks } from "./specLinks.ts";
export { LOG_STORE_CONTRACT } from "./storage/contract.ts";
export { CYCLE_STEPS, isInForce } from "./storage/cycleSteps.ts";
export type { CycleStep } from "./storage/cycleSteps.ts";
export { DAMAGES, StoredRun, blankImage, nextSlot } from "./storage/diskImage.ts";
export type { Damage, DiskImage, StoredSlot } from "./storage/diskImage.ts";
export { MemoryBlobs } from "./storage/memoryBlobs.ts";
export { seededRandom } from "./storage/randomCycles.ts";
export { repairFrom } from "./storage/repairFrom.ts";
export {
  SAMPLE_MEMBERSHIP,
  batchEntry,
  chainOf,
  cycleOf,
  hardState,
  noopEntry,
  plainEntries,
} from "./storage/sampleLog.ts";
export { SimulatedDisk } from "./storage/simulatedDisk.ts";
export { SimulatedLogStore } from "./storage/simulatedLogStore.ts";
export type { OpenOptions } from "./storage/simulatedLogStore.ts";
export { runWithFewFiles, takeFileDescriptors } from "./withoutFiles.ts";
