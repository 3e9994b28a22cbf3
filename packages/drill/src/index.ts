export { drawAddresses, freePort, PROXY_HOST } from "./cluster/addresses.ts";
export { command } from "./cluster/command.ts";
export { compileShim, shimPath } from "./cluster/diskShim.ts";
export { ProcessCluster } from "./cluster/processCluster.ts";
export type { ProcessClusterOptions } from "./cluster/processCluster.ts";
export {
  EXIT_COULD_NOT_START,
  EXIT_STORAGE_FAILED,
  ProcessNode,
  SIGNAL_WRITE_FAILED,
} from "./cluster/processNode.ts";
export { LinkMatrix } from "./proxy/linkMatrix.ts";
export { SYSTEM_CLOCK } from "./proxy/systemClock.ts";
