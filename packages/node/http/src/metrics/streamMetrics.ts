import type { ClusterStatus, SentDistribution, SentMessages } from "@annals/api";
import { by } from "./metric.ts";
import type { DistributionSample, Metric } from "./metric.ts";

const CUTS_HELP =
  "AppendEntries messages to a follower that were cut short with more to send, by the limit: " +
  "replication.append.maxEntries (entries), " +
  "replication.append.maxBytes (bytes), or credit that the follower had not granted yet (credit).";

interface Stream {
  readonly log: string;
  readonly node: string;
  readonly sent: SentMessages;
}

function streamsOf({ logs }: ClusterStatus): readonly Stream[] {
  return logs.flatMap(({ name, replicas }) =>
    replicas.flatMap(({ node, sent }) => (sent === undefined ? [] : [{ log: name, node, sent }])),
  );
}

/** What went to each node, all logs together. */
function byNode(
  cluster: ClusterStatus,
  pick: (sent: SentMessages) => SentDistribution,
): readonly DistributionSample[] {
  const streams = Map.groupBy(streamsOf(cluster), ({ node }) => node);
  return [...streams].map(([node, ofNode]) => ({
    labels: { node },
    value: ofNode.map(({ sent }) => pick(sent)).reduce(added),
  }));
}

/** Both have the same bounds. */
function added(one: SentDistribution, other: SentDistribution): SentDistribution {
  const rows = Object.entries(one.upTo).map(([le, count]): [string, number] => [
    le,
    count + (other.upTo[le] ?? 0),
  ]);
  return { upTo: Object.fromEntries(rows), sum: one.sum + other.sum };
}

/** What a leader here has sent to followers, and what kept it from sending more at a time. */
export const STREAM_METRICS: readonly Metric[] = [
  {
    name: "annals_stream_cuts_total",
    kind: "counter",
    help: CUTS_HELP,
    labels: ["log", "node", "limit"],
    samples: ({ cluster }) =>
      streamsOf(cluster).flatMap(({ log, node, sent }) => by("limit", sent.cuts, { log, node })),
  },
  {
    name: "annals_stream_message_entries",
    kind: "histogram",
    help:
      "Entries per AppendEntries message that this node sent to another one, for messages that " +
      "carry any.",
    labels: ["node"],
    samples: ({ cluster }) => byNode(cluster, ({ entries }) => entries),
  },
  {
    name: "annals_stream_message_bytes",
    kind: "histogram",
    help:
      "Bytes of entries per AppendEntries message that this node sent to another one, for " +
      "messages that carry any.",
    labels: ["node"],
    samples: ({ cluster }) => byNode(cluster, ({ bytes }) => bytes),
  },
];
