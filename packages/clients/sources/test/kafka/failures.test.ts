// Goal: whatever the Kafka client fails with has a code of ours, names brokers, topics and group, and says whether it is worth another try.
// Method: errors as the client makes and wraps them.
import { ClientError } from "@annals/client";
import { expect, test } from "vitest";
import { sourceError } from "../../src/kafka/failures.ts";

const PLACE = { brokers: ["k:9092"], topics: ["t"], group: "g" };

/** An error of the client, which may have wrapped it. */
function thrown(name: string, fields: object = {}, message = "it said no"): Error {
  return Object.assign(new Error(message), { name }, fields);
}

function wrapped(cause: Error): Error {
  const outer = thrown("KafkaJSNonRetriableError", {}, cause.message);
  return Object.assign(new Error(cause.message, { cause: Object.assign(outer, { cause }) }), {
    name: "KafkaJSNumberOfRetriesExceeded",
  });
}

const protocol = (type: string): Error => thrown("KafkaJSProtocolError", { type });

test.each([
  [thrown("KafkaJSSASLAuthenticationError"), "ERR_SOURCE_REFUSED", false],
  [protocol("UNSUPPORTED_SASL_MECHANISM"), "ERR_SOURCE_REFUSED", false],
  [protocol("GROUP_AUTHORIZATION_FAILED"), "ERR_SOURCE_REFUSED", false],
  [protocol("UNKNOWN_TOPIC_OR_PARTITION"), "ERR_SOURCE_TOPIC", false],
  [protocol("INCONSISTENT_GROUP_PROTOCOL"), "ERR_SOURCE_GROUP", false],
  [protocol("INVALID_SESSION_TIMEOUT"), "ERR_SOURCE_SESSION", false],
  [thrown("KafkaJSConnectionError"), "ERR_SOURCE_UNREACHABLE", true],
  [thrown("KafkaJSNoBrokerAvailableError"), "ERR_SOURCE_UNREACHABLE", true],
  [protocol("KAFKA_STORAGE_ERROR"), "ERR_SOURCE_FAILED", true],
  [thrown("TypeError"), "ERR_SOURCE_FAILED", true],
] as const)("%s", (error, code, retryable) => {
  for (const one of [error, wrapped(error)]) {
    const told = sourceError(one, PLACE);
    expect(told).toMatchObject({ code, retryable });
    expect(told.message).toBe("Kafka at k:9092, topics t, group g: it said no");
  }
});

test("the leader of a group of another protocol", () => {
  const error = thrown("KafkaJSNonRetriableError", {}, 'Unsupported partition assigner "range"');
  expect(sourceError(error, PLACE).code).toBe("ERR_SOURCE_GROUP");
});

test("what the log said keeps its code; a process that was overtaken may try again", () => {
  const gone = new ClientError("ERR_LOG_NOT_FOUND", "no such log", { status: 404 });
  expect(sourceError(wrapped(gone), PLACE)).toBe(gone);
  const fenced = new ClientError("ERR_PRODUCER_FENCED", "an old one", { status: 409 });
  expect(sourceError(wrapped(fenced), PLACE)).toMatchObject({
    code: "ERR_SOURCE_OVERTAKEN",
    retryable: true,
  });
});
