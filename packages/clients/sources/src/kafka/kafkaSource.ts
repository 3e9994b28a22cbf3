import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { AnnalsClient } from "@annals/client";
import { ClientError } from "@annals/client";
import { AnnalsError } from "@annals/record";
import type { Admin, Consumer, EachBatchPayload, Kafka } from "kafkajs";
import { isFinal } from "../logFailures.ts";
import type { RecordMapping } from "../mapping.ts";
import type { Source } from "../source.ts";
import { SourceMeter } from "../status.ts";
import type { SourceStatus } from "../status.ts";
import { difference, feedsOf, parseFeeds, protocolName } from "./feeds.ts";
import type { Feeds } from "./feeds.ts";
import { sourceError } from "./failures.ts";
import { checkGroup, feedsAssigner, refusedByGroup } from "./groupCheck.ts";
import { LagWatch } from "./lagWatch.ts";
import { securityConfig } from "./security.ts";
import type { KafkaSecurity } from "./security.ts";
import { SourceParts } from "./sourceParts.ts";

export interface KafkaSourceOptions extends KafkaSecurity {
  readonly name: string;
  readonly client: AnnalsClient;
  /** Id of the cluster. */
  readonly cluster: string;
  readonly log: string;
  readonly brokers: readonly string[];
  /** The consumer group, of its own: nobody else must commit its offsets. Sources that feed the same share it. */
  readonly group: string;
  readonly topics: readonly string[];
  readonly mapping: RecordMapping;
  /** Bytes of states kept to tell what has changed; default 64 MiB. */
  readonly stateBytesMax?: number | undefined;
  /** Milliseconds without a word after which the brokers give the partitions to another source; default 30 000. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Told what an operator should know and is no failure. */
  readonly note?: (text: string) => void;
}

type Kafkajs = typeof import("kafkajs");

const HEARTBEAT_MS = 1_000;
const SESSION_TIMEOUT_MS = 30_000;
/** Bytes of messages that one fetch brings. */
const FETCH_BYTES = 4 << 20;
/** Whoever runs the source tries again by itself: so many fast ones are enough. */
const CONNECT_RETRIES = 2;
/** While these last, a source that cannot record keeps its partitions. */
const BATCH_RETRIES = 5;
/** A broker that has nothing answers after so long; a source that is to end waits for that. */
const FETCH_WAIT_MS = 500;

/**
 * Follows topics and records each message once. Offsets are committed when a quorum has the records; what comes twice after a crash is
 * known by the log. Sources that feed the same share the partitions of a group; one that feeds something else is refused
 * (ERR_SOURCE_GROUP).
 */
export class KafkaSource implements Source {
  readonly name: string;
  readonly #options: KafkaSourceOptions;
  readonly #feeds: Feeds;
  readonly #meter: SourceMeter;

  constructor(options: KafkaSourceOptions) {
    const { name, log, brokers, topics, group } = options;
    this.name = name;
    this.#options = options;
    this.#feeds = feedsOf(options);
    const target = `kafka ${brokers.join(", ")}, topics ${topics.join(", ")}, group ${group}`;
    this.#meter = new SourceMeter({ name, log, target });
  }

  get status(): SourceStatus {
    return this.#meter.status();
  }

  async test(): Promise<string> {
    const { group, topics } = this.#options;
    const { kafkajs, kafka } = await this.#kafka();
    return this.#withAdmin(kafka, async (admin) => {
      for (const topic of topics) await admin.fetchTopicOffsets(topic);
      const others = await checkGroup(kafkajs, admin, group, this.#feeds);
      const members = others === undefined ? "" : `, group ${group} has ${others} members now`;
      return `${topics.length} topics are there${members}`;
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#meter.state = "starting";
    try {
      const { kafkajs, kafka } = await this.#kafka();
      await this.#withAdmin(kafka, async (admin) => {
        await checkGroup(kafkajs, admin, this.#options.group, this.#feeds);
        const watch = new LagWatch(admin, this.#options, this.#meter);
        const before = await watch.committed();
        this.#noteChange(before);
        try {
          await this.#consume(kafkajs, kafka, watch, signal);
        } catch (error) {
          const told = sourceError(error, this.#options);
          if (told.code !== "ERR_SOURCE_GROUP") throw told;
          throw await refusedByGroup(kafkajs, admin, this.#options.group, this.#feeds);
        } finally {
          watch.close();
        }
      });
      this.#meter.state = "stopped";
    } catch (error) {
      const isTemporary = error instanceof AnnalsError && error.retryable;
      this.#meter.failed(error, isTemporary ? "backing-off" : "failed");
      throw error;
    }
  }

  async #consume(
    kafkajs: Kafkajs,
    kafka: Kafka,
    watch: LagWatch,
    signal: AbortSignal,
  ): Promise<void> {
    const { group, topics, sessionTimeoutMs } = this.#options;
    const consumer = kafka.consumer({
      groupId: group,
      maxBytes: FETCH_BYTES,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      heartbeatInterval: HEARTBEAT_MS,
      sessionTimeout: sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
      partitionAssigners: [feedsAssigner(kafkajs, this.#feeds)],
      allowAutoTopicCreation: false,
      // Whoever runs the source begins again, and counts it.
      retry: { retries: BATCH_RETRIES, restartOnFailure: async () => false },
    });
    const parts = new SourceParts({
      ...this.#options,
      signal,
      meter: this.#meter,
      feeds: this.#feeds,
    });
    const ended = Promise.withResolvers<void>();
    // A source may fail before anybody waits for this.
    ended.promise.catch(() => undefined);
    const stop = (): void => ended.resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    this.#listen(consumer, parts, watch, (error) => ended.reject(error));
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: (payload) => this.#record(parts, payload, (error) => ended.reject(error)),
      });
      await ended.promise;
    } finally {
      signal.removeEventListener("abort", stop);
      await consumer.disconnect().catch(() => undefined);
    }
  }

  #listen(
    consumer: Consumer,
    parts: SourceParts,
    watch: LagWatch,
    end: (error: unknown) => void,
  ): void {
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      // Some brokers let in whoever comes.
      if (payload.groupProtocol !== protocolName(this.#feeds)) {
        end(new ClientError("ERR_SOURCE_GROUP", "the group has another protocol"));
        return;
      }
      parts.forget();
      const own = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => `${topic}/${partition}`),
      );
      this.#meter.dealt(own);
      this.#meter.state = "running";
      void watch.look();
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error));
  }

  /** A failure of the log that no repetition mends ends the source; for all others kafkajs brings the messages again. */
  async #record(
    parts: SourceParts,
    payload: EachBatchPayload,
    end: (error: unknown) => void,
  ): Promise<void> {
    try {
      await parts.record(payload);
    } catch (error) {
      if (isFinal(error)) end(error);
      else if (error instanceof AnnalsError) this.#meter.failed(error, "backing-off");
      throw error;
    }
  }

  /** The offsets of the group may be those of what it fed before. */
  #noteChange(committed: readonly string[]): void {
    const { group, note } = this.#options;
    for (const text of new Set(committed)) {
      const theirs = parseFeeds(text);
      if (theirs === undefined) continue;
      const before = { ...theirs, topics: this.#feeds.topics };
      if (protocolName(before) === protocolName(this.#feeds)) continue;
      const what = difference(this.#feeds, before);
      note?.(`Kafka group ${group} was left by a source that ${what}: this one goes on behind it`);
    }
  }

  async #kafka(): Promise<{ readonly kafkajs: Kafkajs; readonly kafka: Kafka }> {
    // Only whoever reads from Kafka pays for it.
    const { default: kafkajs } = await import("kafkajs");
    const kafka = new kafkajs.Kafka({
      clientId: `annals-${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
      brokers: [...this.#options.brokers],
      ...securityConfig(this.#options),
      // What it has to say is in the errors that it throws.
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: CONNECT_RETRIES },
    });
    return { kafkajs, kafka };
  }

  async #withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = kafka.admin();
    try {
      await admin.connect();
      return await work(admin);
    } catch (error) {
      throw sourceError(error, this.#options);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }
}
