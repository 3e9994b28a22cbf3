import type { IngestReading } from "@annals/http";
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
    "Bodies from their announcement to the answer.",
    ({ buffered }) => buffered.bytes.current,
  ],
  [
    "buffered_peak_bytes",
    "gauge",
    "The most that they ever were.",
    ({ buffered }) => buffered.bytes.peak,
  ],
  [
    "buffered_requests",
    "gauge",
    "Appends from their head to the answer.",
    ({ buffered }) => buffered.requests.current,
  ],
  [
    "buffered_peak_requests",
    "gauge",
    "The most that they ever were.",
    ({ buffered }) => buffered.requests.peak,
  ],
  [
    "accepted_requests_total",
    "counter",
    "Appends whose records are committed.",
    ({ accepted }) => accepted.requests,
  ],
  ["accepted_records_total", "counter", "Their records.", ({ accepted }) => accepted.records],
  [
    "accepted_bytes_total",
    "counter",
    "Their bodies, decompressed.",
    ({ accepted }) => accepted.bytes,
  ],
  [
    "passed_on_requests_total",
    "counter",
    "Appends that were passed on to the leader.",
    ({ passedOn }) => passedOn,
  ],
  [
    "repeated_requests_total",
    "counter",
    "Appends of producers that were in the log already.",
    ({ repeats }) => repeats.total,
  ],
  [
    "repeated_streak_requests",
    "gauge",
    "Of them since a producer's append was new last.",
    ({ repeats }) => repeats.streak,
  ],
  [
    "oldest_waiting_seconds",
    "gauge",
    "How long the oldest of the buffered appends has been here.",
    ({ oldestWaitingMs }) => oldestWaitingMs / 1000,
  ],
  [
    "drain_bytes_per_second",
    "gauge",
    "How fast what is buffered is worked off.",
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
    help: "Bodies for all logs, and chunks of uploads.",
    labels: [],
    samples: ofNode(({ buffered }) => buffered.bytes.current),
  },
  {
    name: "annals_ingest_node_buffered_cap_bytes",
    kind: "gauge",
    help: "What they may be.",
    labels: [],
    samples: ofNode(({ buffered }) => buffered.bytes.cap),
  },
  {
    name: "annals_ingest_refused_requests_total",
    kind: "counter",
    help: "Appends and connections that were refused here, by code of docs/errors.md.",
    labels: ["code"],
    samples: ({ ingest }) => by("code", ingest.node.refused),
  },
  {
    name: "annals_ingest_decoded_in_bytes_total",
    kind: "counter",
    help: "Compressed bodies, as they came.",
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
    help: "The same, decompressed.",
    labels: ["encoding"],
    samples: ({ ingest }) =>
      Object.entries(ingest.node.decoded).map(([encoding, { bytesOut }]) => ({
        labels: { encoding },
        value: bytesOut,
      })),
  },
];
