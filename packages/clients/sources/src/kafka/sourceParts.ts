import type { AnnalsClient } from "@annals/client";
import type { EachBatchPayload, KafkaMessage } from "kafkajs";
import type { RecordMapping } from "../mapping.ts";
import { StateCache } from "../stateCache.ts";
import type { SourceMeter } from "../status.ts";
import { feedsText } from "./feeds.ts";
import type { Feeds } from "./feeds.ts";
import type { SourceMessage } from "./message.ts";
import { PartitionWriter } from "./partitionWriter.ts";

export interface SourcePartsOptions {
  readonly client: AnnalsClient;
  readonly log: string;
  readonly group: string;
  readonly mapping: RecordMapping;
  readonly stateBytesMax?: number | undefined;
  readonly feeds: Feeds;
  readonly meter: SourceMeter;
  readonly signal: AbortSignal;
}

const STATE_BYTES_MAX = 64 << 20;
/** Messages between two commits of an offset. */
const PART_MESSAGES = 500;
const HEARTBEAT_MS = 1_000;

/** The partitions that are this process's. */
export class SourceParts {
  readonly #options: SourcePartsOptions;
  readonly #states: StateCache;
  /** Kept with each offset, for whoever has the group later. */
  readonly #metadata: string;
  #writers = new Map<string, PartitionWriter>();

  constructor(options: SourcePartsOptions) {
    this.#options = options;
    this.#states = new StateCache(options.stateBytesMax ?? STATE_BYTES_MAX);
    this.#metadata = feedsText({ ...options.feeds, topics: [] });
  }

  /** The partitions were dealt out anew: how far they are must be asked again. */
  forget(): void {
    this.#writers = new Map();
    this.#states.clear();
  }

  async record(payload: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = payload.batch;
    const all = messages.map((message) => sourceMessage(topic, partition, message));
    for (let from = 0; from < all.length; from += PART_MESSAGES) {
      if (!payload.isRunning() || payload.isStale()) return;
      const part = all.slice(from, from + PART_MESSAGES);
      const to = part.at(-1)?.offset ?? 0n;
      // However long the log takes, the partition stays this process's.
      const beats = setInterval(() => void payload.heartbeat().catch(() => {}), HEARTBEAT_MS);
      try {
        await this.#writer(topic, partition).append(part);
      } finally {
        clearInterval(beats);
      }
      payload.resolveOffset(String(to));
      this.#options.meter.moved(`${topic}/${partition}`, to + 1n);
      const done = { partition, offset: String(to + 1n), metadata: this.#metadata };
      // Not the consumer's own way to commit: that one makes a rebalance an error which ends it.
      await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [done] }] });
    }
  }

  #writer(topic: string, partition: number): PartitionWriter {
    const key = `${topic}/${partition}`;
    const known = this.#writers.get(key);
    if (known !== undefined) return known;
    const { meter } = this.#options;
    const made = new PartitionWriter({
      ...this.#options,
      topic,
      partition,
      states: this.#states,
      count: (what, by) => meter.count(what, by),
    });
    this.#writers.set(key, made);
    return made;
  }
}

function sourceMessage(topic: string, partition: number, message: KafkaMessage): SourceMessage {
  const headers = Object.entries(message.headers ?? {}).map(
    ([name, value]) => [name, String(value)] as const,
  );
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    key: message.key ?? undefined,
    value: message.value ?? undefined,
    headers: Object.fromEntries(headers),
    timestampMs: Number(message.timestamp),
  };
}
