import type { AnnalsClient } from "@annals/client";
import type { Consumer, EachBatchPayload, KafkaMessage } from "kafkajs";
import type { RecordMapping, SourceMessage } from "./mapping.ts";
import { PartitionWriter } from "./partitionWriter.ts";
import { connectError, securityConfig } from "./security.ts";
import type { KafkaSecurity } from "./security.ts";
import { StateCache } from "./stateCache.ts";

export interface KafkaSourceOptions extends KafkaSecurity {
  readonly client: AnnalsClient;
  readonly log: string;
  readonly brokers: readonly string[];
  /** The consumer group, of its own: nobody else must commit its offsets. */
  readonly group: string;
  readonly topics: readonly string[];
  readonly mapping: RecordMapping;
  /** Bytes of states kept to tell what has changed; default 64 MiB. */
  readonly stateBytesMax?: number | undefined;
  /** Milliseconds without a word after which the brokers give the partitions to another source; default 30 000. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Ends the source, after what is under way. */
  readonly signal: AbortSignal;
  /** Told of each part of a partition that a quorum has. */
  readonly onRecorded?: (part: { topic: string; partition: number; to: bigint }) => void;
}

const STATE_BYTES_MAX = 64 << 20;
/** Messages between two commits of an offset. */
const PART_MESSAGES = 500;
const HEARTBEAT_MS = 1_000;
const SESSION_TIMEOUT_MS = 30_000;
/** Bytes of messages that one fetch brings. */
const FETCH_BYTES = 4 << 20;

/**
 * Follows topics and records each message once. Offsets are committed when a quorum has the records; what comes twice after a crash is
 * known by the log. Resolves when the signal ends it, rejects with what no repetition mends: ERR_SOURCE_REFUSED, ERR_SOURCE_UNREACHABLE, or
 * what the log says.
 */
export async function runKafkaSource(options: KafkaSourceOptions): Promise<void> {
  const { brokers, group, topics, sessionTimeoutMs, signal } = options;
  // Only whoever reads from Kafka pays for it.
  const { default: kafkajs } = await import("kafkajs");
  const kafka = new kafkajs.Kafka({
    clientId: "annals",
    brokers: [...brokers],
    ...securityConfig(options),
    logLevel: kafkajs.logLevel.ERROR,
  });
  const consumer = kafka.consumer({
    groupId: group,
    maxBytes: FETCH_BYTES,
    heartbeatInterval: HEARTBEAT_MS,
    sessionTimeout: sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
  });
  const parts = new SourceParts(options);
  const ended = Promise.withResolvers<void>();
  const stop = (): void => ended.resolve();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  consumer.on(consumer.events.GROUP_JOIN, () => parts.forget());
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (!restart) ended.reject(error);
  });
  try {
    await consumer.connect().catch((error: unknown) => {
      throw connectError(error, brokers);
    });
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => parts.record(consumer, payload),
    });
    await ended.promise;
  } finally {
    signal.removeEventListener("abort", stop);
    await consumer.disconnect();
  }
}

/** The partitions that are this process's. */
class SourceParts {
  readonly #options: KafkaSourceOptions;
  readonly #states: StateCache;
  #writers = new Map<string, PartitionWriter>();

  constructor(options: KafkaSourceOptions) {
    this.#options = options;
    this.#states = new StateCache(options.stateBytesMax ?? STATE_BYTES_MAX);
  }

  /** The partitions were dealt out anew: how far they are must be asked again. */
  forget(): void {
    this.#writers = new Map();
    this.#states.clear();
  }

  async record(consumer: Consumer, payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { topic, partition } = batch;
    const messages = batch.messages.map((message) => sourceMessage(topic, partition, message));
    for (let from = 0; from < messages.length; from += PART_MESSAGES) {
      if (!payload.isRunning() || payload.isStale()) return;
      const part = messages.slice(from, from + PART_MESSAGES);
      const to = part.at(-1)?.offset ?? 0n;
      // However long the log takes, the partition stays this process's.
      const beats = setInterval(() => void payload.heartbeat().catch(() => {}), HEARTBEAT_MS);
      try {
        await this.#writer(topic, partition).append(part);
      } finally {
        clearInterval(beats);
      }
      payload.resolveOffset(String(to));
      await consumer.commitOffsets([{ topic, partition, offset: String(to + 1n) }]);
      this.#options.onRecorded?.({ topic, partition, to });
    }
  }

  #writer(topic: string, partition: number): PartitionWriter {
    const key = `${topic}/${partition}`;
    const states = this.#states;
    const writer =
      this.#writers.get(key) ?? new PartitionWriter({ ...this.#options, topic, partition, states });
    this.#writers.set(key, writer);
    return writer;
  }
}

function sourceMessage(topic: string, partition: number, message: KafkaMessage): SourceMessage {
  const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [
    name,
    String(value),
  ]);
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    key: message.key ?? undefined,
    value: message.value ?? undefined,
    headers: Object.fromEntries(headers) as Record<string, string>,
    timestampMs: Number(message.timestamp),
  };
}
