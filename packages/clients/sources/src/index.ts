export { KafkaSource } from "./kafka/kafkaSource.ts";
export type { KafkaSourceOptions } from "./kafka/kafkaSource.ts";
export { SASL_MECHANISMS } from "./kafka/security.ts";
export type { KafkaSasl, KafkaSecurity, KafkaTls } from "./kafka/security.ts";
export type { RecordMapping } from "./mapping.ts";
export { runSources } from "./runSources.ts";
export type { RunSourcesOptions } from "./runSources.ts";
export type { Source } from "./source.ts";
export type {
  SourceCount,
  SourceFailure,
  SourcePart,
  SourceState,
  SourceStatus,
} from "./status.ts";
export { serveSources } from "./sourceServer.ts";
export type { SourceServerOptions } from "./sourceServer.ts";
export { PostgresSource } from "./postgres/postgresSource.ts";
export type { PostgresSourceOptions } from "./postgres/postgresSource.ts";
export type { SourceTable } from "./postgres/table.ts";
