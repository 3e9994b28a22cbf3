import type { IngestReading } from "../ingest/ingestAccount.ts";
import { by } from "./metric.ts";
import type { Metric, PlainMetric, Sample, Snapshot } from "./metric.ts";

type LogReading = Snapshot["ingest"]["logs"][number];

const COUNTS: readonly (readonly [
  name: string,
  kind: PlainMetric["kind"],
  help: string,
  value: (reading: LogReading) => number,
])[] = [
  [
    "buffered_bytes",
    "gauge",
    "Bytes of append bodies that this node holds for the log, from the announcement of a body " +
      "to its answer.",
    ({ buffered }) => buffered.bytes.current,
  ],
  [
    "buffered_peak_bytes",
    "gauge",
    "Largest number of bytes of append bodies that this node has held for the log since it " +
      "started.",
    ({ buffered }) => buffered.bytes.peak,
  ],
  [
    "buffered_requests",
    "gauge",
    "Append requests for the log that this node has not answered yet.",
    ({ buffered }) => buffered.requests.current,
  ],
  [
    "buffered_peak_requests",
    "gauge",
    "Largest number of unanswered append requests for the log since the node started.",
    ({ buffered }) => buffered.requests.peak,
  ],
  [
    "accepted_requests_total",
    "counter",
    "Append requests to the log that were committed.",
    ({ accepted }) => accepted.requests,
  ],
  [
    "accepted_records_total",
    "counter",
    "Records of committed append requests to the log.",
    ({ accepted }) => accepted.records,
  ],
  [
    "accepted_bytes_total",
    "counter",
    "Bytes of the decompressed bodies of committed append requests to the log.",
    ({ accepted }) => accepted.bytes,
  ],
  [
    "passed_on_requests_total",
    "counter",
    "Append requests that this node passed on to the leader of the log.",
    ({ passedOn }) => passedOn,
  ],
  [
    "repeated_requests_total",
    "counter",
    "Append requests of numbering producers whose records were in the log already.",
    ({ repeats }) => repeats.total,
  ],
  [
    "repeated_streak_requests",
    "gauge",
    "Repeated append requests in a row: how many came since the last new one of a producer.",
    ({ repeats }) => repeats.streak,
  ],
  [
    "oldest_waiting_seconds",
    "gauge",
    "Seconds since the oldest unanswered append request for the log arrived.",
    ({ oldestWaitingMs }) => oldestWaitingMs / 1000,
  ],
  [
    "drain_bytes_per_second",
    "gauge",
    "Bytes of append bodies that are answered per second; refusals compute Retry-After from it.",
    ({ drainBytesPerSecond }) => drainBytesPerSecond,
  ],
];

function ofLogs({ ingest }: Snapshot, value: (reading: LogReading) => number): readonly Sample[] {
  return ingest.logs.map((log) => ({ labels: { log: log.name }, value: value(log) }));
}

const ofNode = (pick: (node: IngestReading) => number) => (snapshot: Snapshot) => [
  { labels: {}, value: pick(snapshot.ingest.node) },
];

/** What came in, and what became of it. */
export const INGEST_METRICS: readonly Metric[] = [
  ...COUNTS.map(
    ([name, kind, help, value]): Metric => ({
      name: `annals_ingest_${name}`,
      kind,
      help,
      labels: ["log"],
      samples: (snapshot) => ofLogs(snapshot, value),
    }),
  ),
  {
    name: "annals_ingest_node_buffered_bytes",
    kind: "gauge",
    help: "Bytes that this node holds of append bodies for all logs, and of chunks of uploads.",
    labels: [],
    samples: ofNode(({ buffered }) => buffered.bytes.current),
  },
  {
    name: "annals_ingest_node_buffered_cap_bytes",
    kind: "gauge",
    help:
      "Largest number of bytes of append bodies and chunks of uploads that this node may hold " +
      "(ingest.maxHeldBytes).",
    labels: [],
    samples: ofNode(({ buffered }) => buffered.bytes.cap),
  },
  {
    name: "annals_ingest_refused_requests_total",
    kind: "counter",
    help:
      "Append requests and connections that this node refused, by the error code " +
      "(docs/errors.md).",
    labels: ["code"],
    samples: ({ ingest }) => by("code", ingest.node.refused),
  },
  {
    name: "annals_ingest_decoded_in_bytes_total",
    kind: "counter",
    help: "Bytes of compressed request bodies as they arrived, by their encoding.",
    labels: ["encoding"],
    samples: ({ ingest }) =>
      Object.entries(ingest.node.decoded).map(([encoding, { bytesIn }]) => ({
        labels: { encoding },
        value: bytesIn,
      })),
  },
  {
    name: "annals_ingest_decoded_out_bytes_total",
    kind: "counter",
    help: "Bytes of compressed request bodies after decompression, by their encoding.",
    labels: ["encoding"],
    samples: ({ ingest }) =>
      Object.entries(ingest.node.decoded).map(([encoding, { bytesOut }]) => ({
        labels: { encoding },
        value: bytesOut,
      })),
  },
];
