export { runKafkaSource } from "./kafkaSource.ts";
export type { KafkaSourceOptions } from "./kafkaSource.ts";
export { UNMAPPED_ACTION } from "./mapping.ts";
export type { RecordMapping } from "./mapping.ts";
export { SASL_MECHANISMS } from "./security.ts";
export type { KafkaSasl, KafkaSecurity, KafkaTls } from "./security.ts";
