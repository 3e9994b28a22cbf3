export { DATA_LOCK } from "./dataLock.ts";
export type { RunningNode } from "./incarnations.ts";
export { processFigures } from "./processFigures.ts";
export { OfflineLog } from "./offlineResolve.ts";
export type { OfflineCopy } from "./offlineResolve.ts";
export { startNode } from "./startNode.ts";
