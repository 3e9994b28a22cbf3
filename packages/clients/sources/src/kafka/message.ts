import type { SourceItem } from "../mapping.ts";

/** A message as brokers have it. */
export interface SourceMessage {
  readonly topic: string;
  readonly partition: number;
  /** Of the partition; rises, with gaps. */
  readonly offset: bigint;
  readonly key: Uint8Array | undefined;
  /** Undefined for a tombstone: its key was deleted. */
  readonly value: Uint8Array | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** By the broker or the producer, ms since 1970: the record's `time`. Not positive when there is none. */
  readonly timestampMs: number;
}

/** `topic/partition/offset`: the `id` of the record, by which the source knows how far it has come. */
export function recordId({
  topic,
  partition,
  offset,
}: Pick<SourceMessage, "topic" | "partition" | "offset">): string {
  return `${topic}/${partition}/${offset}`;
}

/** The offset in the id of a record of this partition; undefined if it is none. */
export function offsetOf(
  { topic, partition }: Pick<SourceMessage, "topic" | "partition">,
  id: string | undefined,
): bigint | undefined {
  const prefix = `${topic}/${partition}/`;
  if (id?.startsWith(prefix) !== true) return undefined;
  const text = id.slice(prefix.length);
  return /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
}

export function messageItem(message: SourceMessage): SourceItem {
  const { topic, key, value, timestampMs } = message;
  return {
    kind: "kafka",
    origin: topic,
    id: recordId(message),
    key: key === undefined ? undefined : Buffer.from(key),
    value: value === undefined ? undefined : Buffer.from(value),
    timestampMs,
    place: (name) => placeOf(name, message),
  };
}

function placeOf(name: string, { topic, partition, offset, headers }: SourceMessage): unknown {
  switch (name) {
    case "topic":
      return topic;
    case "partition":
      return partition;
    case "offset":
      return String(offset);
    default:
      return name.startsWith("header.") ? headers[name.slice("header.".length)] : undefined;
  }
}
