export { isLoopback, parseAddress } from "./address.ts";
export type { NodeAddress } from "./address.ts";
export type { Bound, Shape } from "./budget/bound.ts";
export { BOUNDS } from "./budget/bounds.ts";
export {
  assertFits,
  logsThatFit,
  memoryBudget,
  roundBytes,
  shapeOf,
  tellMisfit,
} from "./budget/budget.ts";
export type { BudgetRow } from "./budget/budget.ts";
export { connectionCaps } from "./budget/connectionCaps.ts";
export {
  COPY_ANSWER_BYTES_MAX,
  COPY_QUESTIONS_MAX,
  DOWNLOAD_CHUNKS,
  GATEWAY_HEAP_BYTES,
  GOODBYES_MAX,
  HANDSHAKES_MAX,
  LINES_BYTES_MAX,
  SMALL_BODY_BYTES_MAX,
  SOCKET_READ_BYTES,
  STREAM_UNREAD_BYTES_MAX,
  STREAM_APPENDS_MAX,
  STREAM_SUBSCRIPTIONS_MAX,
  SUBSCRIPTIONS_MAX,
  UPLOAD_CHUNKS,
} from "./budget/constants.ts";
export {
  assertDescriptors,
  assertRoom,
  descriptorLimit,
  descriptorRows,
  descriptorsNeeded,
} from "./budget/descriptors.ts";
export { machineMemory, standardMemoryLimit } from "./budget/machine.ts";
export { pageBytesOf } from "./budget/requestBounds.ts";
export { heapLimits, isolatedHeapBytes, workerHeapBytes } from "./budget/workerHeap.ts";
export { envName } from "./envName.ts";
export { interpolate } from "./yaml/interpolate.ts";
export type { Interpolated } from "./yaml/interpolate.ts";
export type { KeySpec } from "./keys/keySpec.ts";
export { KEYS } from "./keys/keys.ts";
export { loadConfig } from "./load.ts";
export type { ConfigOrigin, LoadConfigOptions, LoadConfigResult } from "./load.ts";
export { didYouMean, nearest } from "./nearest.ts";
export type { NodeConfig, SubscribeSettings } from "./keys/nodeConfig.ts";
export { formatPlace, formatProblems } from "./problem.ts";
export type { ConfigProblem } from "./problem.ts";
export { leastValue } from "./relations.ts";
export { configJsonSchema } from "./keys/jsonSchema.ts";
export {
  configValue,
  explainKey,
  fingerprint,
  fittedDefaults,
  listConfig,
  showConfig,
} from "./show.ts";
export { parseBytes, parseDuration } from "./units.ts";
export { YAML_CHARACTERS_MAX, YamlText, offsetOf } from "./yaml/yamlText.ts";
