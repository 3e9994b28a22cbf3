import type { GroupStatus, LogStatus, MemoryRow } from "@annals/api";
import { CLOCK_METRICS } from "./clockMetrics.ts";
import { by, one } from "./metric.ts";
import type { Metric, PlainMetric, Sample, Snapshot } from "./metric.ts";
import { STREAM_METRICS } from "./streamMetrics.ts";

const ROLES = ["leader", "follower", "candidate", "learner", "unknown"] as const;

function ofLogs({ cluster }: Snapshot, value: (log: LogStatus) => number): readonly Sample[] {
  return cluster.logs.map((log) => ({ labels: { log: log.name }, value: value(log) }));
}

function logMetric(
  name: string,
  kind: PlainMetric["kind"],
  help: string,
  value: (log: LogStatus) => number,
): Metric {
  const samples = (snapshot: Snapshot) => ofLogs(snapshot, value);
  return { name: `annals_log_${name}`, kind, help, labels: ["log"], samples };
}

function memoryMetric(name: string, help: string, value: (row: MemoryRow) => number): Metric {
  return {
    name: `annals_memory_row_${name}`,
    kind: "gauge",
    help,
    labels: ["row", "unit"],
    samples: ({ cluster }) =>
      (cluster.memory?.rows ?? []).map((row) => ({
        labels: { row: row.name, unit: row.unit },
        value: value(row),
      })),
  };
}

function processMetric(
  name: string,
  kind: PlainMetric["kind"],
  help: string,
  value: (figures: Snapshot["process"]) => number,
): Metric {
  const samples = ({ process }: Snapshot) => one(value(process));
  return { name: `annals_process_${name}`, kind, help, labels: [], samples };
}

function groupMetric(name: string, help: string, value: (group: GroupStatus) => number): Metric {
  return {
    name: `annals_group_${name}`,
    kind: "gauge",
    help,
    labels: ["log", "group"],
    samples: ({ cluster }) =>
      cluster.groups.map((group) => ({
        labels: { log: group.log, group: group.name },
        value: value(group),
      })),
  };
}

/** What the node does and holds. */
export const NODE_METRICS: readonly Metric[] = [
  logMetric("term", "gauge", "Current Raft term of the log on this node.", ({ term }) => term),
  logMetric(
    "elections_total",
    "counter",
    "Elections that gave the log a leader, as far as this node has heard; at most one a term.",
    ({ elections }) => elections,
  ),
  {
    name: "annals_log_role",
    kind: "gauge",
    help: "Role of this node's replica of the log: 1 for the role that it has, 0 for the others.",
    labels: ["log", "role"],
    samples: ({ cluster }) =>
      cluster.logs.flatMap(({ name, replicas }) => {
        const own = replicas.find(({ node }) => node === cluster.node)?.role ?? "unknown";
        return ROLES.map((role) => ({ labels: { log: name, role }, value: Number(role === own) }));
      }),
  },
  logMetric(
    "commit_index",
    "gauge",
    "Index of the last entry of the log that this node knows to be committed.",
    (log) => log.commitIndex,
  ),
  logMetric(
    "applied_index",
    "gauge",
    "Index of the last entry of the log that this node has applied.",
    ({ appliedIndex }) => appliedIndex,
  ),
  logMetric(
    "last_index",
    "gauge",
    "Index of the last entry of the log on this node, committed or not.",
    ({ lastIndex }) => lastIndex,
  ),
  logMetric(
    "last_seq",
    "gauge",
    "Sequence number of the last committed record of the log.",
    ({ lastSeq }) => lastSeq,
  ),
  logMetric(
    "pending_bytes",
    "gauge",
    "Bytes of records that the leader here has admitted and that no quorum has flushed yet.",
    ({ pendingBytes }) => pendingBytes,
  ),
  logMetric(
    "flushes_total",
    "counter",
    "Disk flushes of the log since this node opened it.",
    ({ flushes }) => flushes,
  ),
  logMetric(
    "blobs_not_saved_total",
    "counter",
    "Failed transfers of attachments between this node and others since the log was opened " +
      "here; each is tried again.",
    ({ blobsNotSaved }) => blobsNotSaved,
  ),
  logMetric(
    "clock_hand_overs_total",
    "counter",
    "Times that this node gave up leading the log because its clock is wrong, since it opened " +
      "the log.",
    ({ clockHandOvers }) => clockHandOvers,
  ),
  logMetric(
    "decision_waits",
    "gauge",
    "Nodes that have not carried out the latest decision of annals log resolve for the log, " +
      "as far as this node has heard.",
    ({ decision }) => decision?.waitsFor.length ?? 0,
  ),
  ...STREAM_METRICS,
  groupMetric(
    "lag_records",
    "Records between the position of the slowest lane of the group and the end of the log. " +
      "Groups of logs that this node leads; at most 256, those stuck or furthest behind.",
    ({ lag }) => lag,
  ),
  groupMetric(
    "stuck",
    "Lanes of the group whose holder is alive and whose position has not moved for a minute.",
    ({ stuck }) => stuck,
  ),
  memoryMetric(
    "current",
    "Amount that a bounded queue or table holds now, by the row of docs/bounds.md and its unit.",
    ({ current }) => current,
  ),
  memoryMetric(
    "peak",
    "Largest amount that a bounded queue or table has held, by the row of docs/bounds.md and " +
      "its unit.",
    ({ peak }) => peak,
  ),
  memoryMetric(
    "cap",
    "Amount that a bounded queue or table may hold, by the row of docs/bounds.md; the item " +
      "that crosses the bound comes on top.",
    ({ cap, count }) => cap * count,
  ),
  {
    name: "annals_memory_limit_bytes",
    kind: "gauge",
    help: "Memory that the node may use in bytes: memory.limit of its configuration.",
    labels: [],
    samples: ({ cluster }) => one(cluster.memory?.limit ?? 0),
  },
  {
    name: "annals_memory_violations",
    kind: "gauge",
    help:
      "Bounds of docs/bounds.md that were exceeded since the node started; more than 0 is a " +
      "bug.",
    labels: [],
    samples: ({ cluster }) => one(cluster.memory?.violations.length ?? 0),
  },
  {
    name: "annals_pauses_total",
    kind: "counter",
    help: "Times that reading or decoding of a link was paused, by the kind of reason.",
    labels: ["reason"],
    samples: ({ cluster }) => by("reason", cluster.memory?.pauses ?? {}),
  },
  {
    name: "annals_link_faults_total",
    kind: "counter",
    help: "Links from other nodes that ended with a fault at this node, by the error code.",
    labels: ["code"],
    samples: ({ cluster }) => by("code", cluster.linkFaults),
  },
  {
    name: "annals_worker_restarts_total",
    kind: "counter",
    help: "Worker threads that ended unexpectedly and were replaced.",
    labels: [],
    samples: ({ cluster }) => one(cluster.workerRestarts),
  },
  {
    name: "annals_peer_reachable",
    kind: "gauge",
    help: "Whether the link to a node is open: 1 if it is, 0 if it is not.",
    labels: ["node"],
    samples: ({ cluster }) =>
      cluster.nodes.map(({ id, reachable }) => ({
        labels: { node: id },
        value: Number(reachable),
      })),
  },
  ...CLOCK_METRICS,
  {
    name: "annals_event_loop_delay_seconds",
    kind: "gauge",
    help:
      "Delay of the main thread's event loop in seconds over at least the last ten seconds; " +
      "quantile 1 is the largest delay.",
    labels: ["quantile"],
    samples: ({ delay }) => by("quantile", { "0.5": delay.p50, "0.99": delay.p99, "1": delay.max }),
  },
  {
    name: "annals_thread_busy_seconds_total",
    kind: "counter",
    help:
      "Seconds for which the event loop of a thread had work; the rate is its utilisation. A " +
      "replaced worker starts at 0.",
    labels: ["thread"],
    samples: ({ cluster, process }) => [
      { labels: { thread: "main" }, value: process.busySeconds },
      ...cluster.workers.map(({ id, busySeconds }) => ({
        labels: { thread: `worker-${id}` },
        value: busySeconds,
      })),
    ],
  },
  processMetric(
    "cpu_seconds_total",
    "counter",
    "CPU seconds of all threads of the process, user and system.",
    ({ cpuSeconds }) => cpuSeconds,
  ),
  processMetric(
    "resident_bytes",
    "gauge",
    "Resident set of the process in bytes.",
    ({ rssBytes }) => rssBytes,
  ),
  processMetric(
    "heap_bytes",
    "gauge",
    "JavaScript heap of the main thread in bytes.",
    ({ heapBytes }) => heapBytes,
  ),
  processMetric(
    "external_bytes",
    "gauge",
    "Buffers outside of the JavaScript heap of the main thread in bytes.",
    ({ externalBytes }) => externalBytes,
  ),
  processMetric(
    "orphaned_errors_total",
    "counter",
    "Errors of connections that no code handled and that the process survived; more than 0 is " +
      "a bug.",
    (figures) => figures.orphanedErrors,
  ),
  processMetric(
    "log_lines_dropped_total",
    "counter",
    "Log lines that were dropped because 1 MiB of lines waited for the reader of stderr.",
    (figures) => figures.linesDropped,
  ),
  processMetric(
    "uptime_seconds",
    "gauge",
    "Seconds since the process started.",
    ({ uptimeSeconds }) => uptimeSeconds,
  ),
];
