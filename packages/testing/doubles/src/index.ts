export { BoltServer } from "./bolt/boltServer.ts";
export { GrafeoEngine } from "./bolt/grafeoEngine.ts";
export { BrokerGate } from "./kafka/brokerGate.ts";
export type { BrokerGateOptions } from "./kafka/brokerGate.ts";
export { GroupCoordinator } from "./kafka/groupCoordinator.ts";
export { MockBroker, whyNoBroker } from "./kafka/mockBroker.ts";
export { throwAwayCertificate, whyNoCertificate } from "./kafka/throwAwayCertificate.ts";
export type { Certificate } from "./kafka/throwAwayCertificate.ts";
