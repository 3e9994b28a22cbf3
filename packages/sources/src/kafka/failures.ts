import { ClientError } from "@annals/client";

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

/** What the cluster says and will say again: it does not know the log or this source, or does not take what it was sent. */
const FINAL_STATUSES: ReadonlySet<number | undefined> = new Set([400, 401, 403, 404, 413, 422]);

/** Whether it is an error of the log's side that no repetition mends. */
export function isFinal(error: unknown): boolean {
  if (!(error instanceof ClientError) || error.retryable) return false;
  return FINAL_STATUSES.has(error.status) || error.code === "ERR_SOURCE_FOREIGN";
}

/** Failures that may be over by themselves. */
const TEMPORARY: ReadonlySet<string> = new Set(["ERR_SOURCE_UNREACHABLE", "ERR_SOURCE_FAILED"]);

/** What went wrong between a source and its brokers, in words and with a code of ours. */
export function sourceError(error: unknown, place: SourcePlace): ClientError {
  const known = chain(error);
  const ours = known.find((one) => one instanceof ClientError);
  if (ours instanceof ClientError) return judged(ours, error);
  const code = known.map(codeOf).find((one) => one !== undefined) ?? "ERR_SOURCE_FAILED";
  const message = known.at(-1)?.message ?? String(error);
  const { brokers, topics, group } = place;
  const where = `Kafka at ${brokers.join(", ")}, topics ${topics.join(", ")}, group ${group}`;
  const retryable = TEMPORARY.has(code);
  return new ClientError(code, `${where}: ${message}`, { retryable, cause: error });
}

/** The log may have refused this process, and not the next one: as when another one has taken a partition over. */
function judged(ours: ClientError, cause: unknown): ClientError {
  if (ours.retryable || ours.status === undefined || isFinal(ours)) return ours;
  const code = ours.status === 409 ? "ERR_SOURCE_OVERTAKEN" : "ERR_SOURCE_FAILED";
  return new ClientError(code, ours.message, { retryable: true, cause });
}

function codeOf(error: Error): `ERR_${string}` | undefined {
  if (OTHER_PROTOCOL.test(error.message)) return "ERR_SOURCE_GROUP";
  const byType = "type" in error ? CODES[String(error.type)] : undefined;
  return byType ?? NAMES[error.name];
}

const CAUSES_MAX = 8;

/** The error, and what caused it. */
function chain(error: unknown): readonly Error[] {
  const found: Error[] = [];
  for (let at = error; at instanceof Error && found.length < CAUSES_MAX; at = at.cause)
    found.push(at);
  return found;
}
