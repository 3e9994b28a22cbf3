import { ClientError } from "@annals/client";
import { causes, logError } from "../logFailures.ts";

/** Where a source is, for people. */
export interface SourcePlace {
  readonly brokers: readonly string[];
  readonly topics: readonly string[];
  readonly group: string;
}

/** By the type of a broker's error, as kafkajs names it. */
const CODES: Readonly<Record<string, `ERR_${string}`>> = {
  UNSUPPORTED_SASL_MECHANISM: "ERR_SOURCE_REFUSED",
  ILLEGAL_SASL_STATE: "ERR_SOURCE_REFUSED",
  SASL_AUTHENTICATION_FAILED: "ERR_SOURCE_REFUSED",
  TOPIC_AUTHORIZATION_FAILED: "ERR_SOURCE_REFUSED",
  GROUP_AUTHORIZATION_FAILED: "ERR_SOURCE_REFUSED",
  CLUSTER_AUTHORIZATION_FAILED: "ERR_SOURCE_REFUSED",
  UNKNOWN_TOPIC_OR_PARTITION: "ERR_SOURCE_TOPIC",
  INVALID_TOPIC_EXCEPTION: "ERR_SOURCE_TOPIC",
  INCONSISTENT_GROUP_PROTOCOL: "ERR_SOURCE_GROUP",
  INVALID_GROUP_ID: "ERR_SOURCE_GROUP",
  INVALID_SESSION_TIMEOUT: "ERR_SOURCE_SESSION",
};

const NAMES: Readonly<Record<string, `ERR_${string}`>> = {
  KafkaJSSASLAuthenticationError: "ERR_SOURCE_REFUSED",
  KafkaJSConnectionError: "ERR_SOURCE_UNREACHABLE",
  KafkaJSConnectionClosedError: "ERR_SOURCE_UNREACHABLE",
  KafkaJSBrokerNotFound: "ERR_SOURCE_UNREACHABLE",
  KafkaJSNoBrokerAvailableError: "ERR_SOURCE_UNREACHABLE",
  KafkaJSRequestTimeoutError: "ERR_SOURCE_UNREACHABLE",
  KafkaJSGroupCoordinatorNotFound: "ERR_SOURCE_UNREACHABLE",
};

/** kafkajs is the leader of the group, and the others have agreed on a protocol that it has not named. */
const OTHER_PROTOCOL = /Unsupported partition assigner/;

/** Failures that may be over by themselves. */
const TEMPORARY: ReadonlySet<string> = new Set(["ERR_SOURCE_UNREACHABLE", "ERR_SOURCE_FAILED"]);

/** What went wrong between a source and its brokers, in words and with a code of ours. */
export function sourceError(error: unknown, place: SourcePlace): ClientError {
  const ofLog = logError(error);
  if (ofLog !== undefined) return ofLog;
  const known = causes(error);
  const code = known.map(codeOf).find((one) => one !== undefined) ?? "ERR_SOURCE_FAILED";
  const message = known.at(-1)?.message ?? String(error);
  const { brokers, topics, group } = place;
  const where = `Kafka at ${brokers.join(", ")}, topics ${topics.join(", ")}, group ${group}`;
  const retryable = TEMPORARY.has(code);
  return new ClientError(code, `${where}: ${message}`, { retryable, cause: error });
}

function codeOf(error: Error): `ERR_${string}` | undefined {
  if (OTHER_PROTOCOL.test(error.message)) return "ERR_SOURCE_GROUP";
  const byType = "type" in error ? CODES[String(error.type)] : undefined;
  return byType ?? NAMES[error.name];
}
