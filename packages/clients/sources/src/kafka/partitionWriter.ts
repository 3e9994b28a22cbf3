import { createHash } from "node:crypto";
import type { AnnalsClient } from "@annals/client";
import type { RecordMapping } from "../mapping.ts";
import { PartOwner } from "../partOwner.ts";
import { partItem } from "../records.ts";
import type { StateCache } from "../stateCache.ts";
import type { SourceCount } from "../status.ts";
import { messageItem, offsetOf } from "./message.ts";
import type { SourceMessage } from "./message.ts";

export interface PartitionWriterOptions {
  readonly client: AnnalsClient;
  readonly log: string;
  /** The consumer group: with another one, everything is recorded once more. */
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly mapping: RecordMapping;
  readonly states: StateCache;
  /** Records in one request; default 100. */
  readonly requestRecords?: number;
  readonly signal?: AbortSignal | undefined;
  readonly count?: (what: SourceCount, by: number) => void;
}

/** The action of the record with which a process takes a partition over. */
export const TAKEOVER_ACTION = "kafka.takeover";

/** Records the messages of one partition, each once: whatever Kafka delivers again is known. */
export class PartitionWriter {
  readonly #options: PartitionWriterOptions;
  readonly #owner: PartOwner;

  constructor(options: PartitionWriterOptions) {
    this.#options = options;
    const { topic, partition } = options;
    const name = `${topic}/${partition}`;
    this.#owner = new PartOwner({
      ...options,
      producer: producerId(options),
      name,
      actor: `kafka:${name}`,
      action: TAKEOVER_ACTION,
      positionOf: (id) => offsetOf(options, id)?.toString(),
    });
  }

  /** Messages come in the order of their offsets. Resolves when a quorum has them all; rejects with the client's error otherwise. */
  async append(messages: readonly SourceMessage[]): Promise<void> {
    const { mapping, states } = this.#options;
    // Made once, whatever is tried again: what has changed since the state before is told once.
    const items = messages.map((message) =>
      partItem(messageItem(message), String(message.offset), mapping, states),
    );
    try {
      const recorded = BigInt((await this.#owner.position()) ?? -1);
      await this.#owner.append(items.filter((_, at) => (messages[at]?.offset ?? -1n) > recorded));
    } catch (error) {
      // What was told of as changed may not be in the log.
      states.clear();
      throw error;
    }
  }
}

/** The producer of a partition, the same in every process of the group. */
function producerId({
  group,
  topic,
  partition,
}: Pick<PartitionWriterOptions, "group" | "topic" | "partition">): string {
  const name = JSON.stringify([group, topic, partition]);
  return `kafka-${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}
