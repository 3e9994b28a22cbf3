export { drawAddresses, drawPorts, PROXY_HOST } from "./cluster/addresses.ts";
export { command } from "./cluster/command.ts";
export { shimPath } from "./cluster/diskShim.ts";
export { ProcessCluster } from "./cluster/processCluster.ts";
export type { ProcessClusterOptions } from "./cluster/processCluster.ts";
export {
  EXIT_COULD_NOT_START,
  EXIT_STORAGE_FAILED,
  ProcessNode,
  SIGNAL_WRITE_FAILED,
} from "./cluster/processNode.ts";
export { spawnNode } from "./cluster/spawnNode.ts";
export { tryProxy, tryShim } from "./cluster/trials.ts";
export { LinkMatrix } from "./proxy/linkMatrix.ts";
export { SYSTEM_CLOCK } from "./proxy/systemClock.ts";
export { parseScenario } from "./language/parseScenario.ts";
export { formatScenarioProblems, ScenarioError } from "./language/problem.ts";
export type { ScenarioProblem } from "./language/problem.ts";
export { ScenarioSource } from "./language/source.ts";
export { scenarioJsonSchema } from "./language/schema.ts";
export type { Scenario, ScenarioSize } from "./language/scenario.ts";
export { median, RssSampler } from "./run/rssSampler.ts";
export type { NodeMemory } from "./run/rssSampler.ts";
export { runDrill } from "./run/drill.ts";
export type { DrillOptions, DrillProgress } from "./run/drill.ts";
export { Machine } from "./run/needs.ts";
export type { DrillOutcome, NodeOutcome, StepTiming, Verdict } from "./run/outcome.ts";
export { markdownTable } from "./report/markdown.ts";
export { memoryPicture } from "./report/picture.ts";
export { bytesText, elapsedText } from "./report/numbers.ts";
export { detailText, outcomeJson, ratesText, tableRow } from "./report/table.ts";
export type { TableRow } from "./report/table.ts";
