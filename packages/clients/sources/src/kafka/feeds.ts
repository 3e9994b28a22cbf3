import { fingerprint } from "@annals/sinks";
import type { RecordMapping } from "../mapping.ts";

/** What the sources of a Kafka group feed, and from what: the same for all of them, since they share the partitions out. */
export interface Feeds {
  /** Id of the cluster. */
  readonly cluster: string;
  readonly log: string;
  readonly topics: readonly string[];
  /** Fingerprint of the mapping. */
  readonly mapping: string;
}

const PROTOCOL = "annals-";
const DIGITS = 16;
const TEXT_CHARACTERS_MAX = 4_096;

export function feedsOf(given: {
  readonly cluster: string;
  readonly log: string;
  readonly topics: readonly string[];
  readonly mapping: RecordMapping;
}): Feeds {
  const { cluster, log, topics, mapping } = given;
  return { cluster, log, topics: topics.toSorted(), mapping: digest(mapping) };
}

/**
 * Name of the protocol by which partitions are dealt out. Brokers admit a member to a group only if it names a protocol that all others
 * name, too: so they refuse the source that feeds something else, also when two join at once.
 */
export function protocolName({ cluster, log, topics, mapping }: Feeds): string {
  return PROTOCOL + digest({ cluster, log, topics, mapping });
}

/** For the user data of a member, which others read. */
export function feedsText({ cluster, log, topics, mapping }: Feeds): string {
  return JSON.stringify({ cluster, log, topics, mapping });
}

/** From bytes of another member; undefined if they are no source's. */
export function parseFeeds(text: string): Feeds | undefined {
  if (text.length > TEXT_CHARACTERS_MAX) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { cluster, log, topics, mapping } = value as Readonly<Record<string, unknown>>;
  const areTexts = Array.isArray(topics) && topics.every((topic) => typeof topic === "string");
  if (typeof cluster !== "string" || typeof log !== "string" || typeof mapping !== "string")
    return undefined;
  return areTexts ? { cluster, log, topics, mapping } : undefined;
}

/** What the other one has that this one has not, in words. */
export function difference(ours: Feeds, theirs: Feeds): string {
  const parts = [
    String(ours.topics) === String(theirs.topics)
      ? []
      : [`reads topics ${theirs.topics.join(", ")}`],
    ours.mapping === theirs.mapping ? [] : ["maps messages in another way"],
    ours.cluster === theirs.cluster ? [] : [`feeds cluster ${theirs.cluster}`],
    ours.log === theirs.log ? [] : [`feeds log ${theirs.log}`],
  ].flat();
  return parts.length === 0 ? "feeds the same" : parts.join(", ");
}

function digest(value: unknown): string {
  return fingerprint(value).slice(0, DIGITS);
}
