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
  logMetric("term", "gauge", "Raft term.", ({ term }) => term),
  logMetric(
    "elections_total",
    "counter",
    "Leaders that came, one a term, as far as this node has heard.",
    ({ elections }) => elections,
  ),
  {
    name: "annals_log_role",
    kind: "gauge",
    help: "1 for the role that this node's replica has, 0 for the others.",
    labels: ["log", "role"],
    samples: ({ cluster }) =>
      cluster.logs.flatMap(({ name, replicas }) => {
        const own = replicas.find(({ node }) => node === cluster.node)?.role ?? "unknown";
        return ROLES.map((role) => ({ labels: { log: name, role }, value: Number(role === own) }));
      }),
  },
  logMetric("commit_index", "gauge", "Last entry known to be committed.", (log) => log.commitIndex),
  logMetric("applied_index", "gauge", "Last entry applied.", ({ appliedIndex }) => appliedIndex),
  logMetric("last_index", "gauge", "Last entry here.", ({ lastIndex }) => lastIndex),
  logMetric("last_seq", "gauge", "Last committed record.", ({ lastSeq }) => lastSeq),
  logMetric(
    "pending_bytes",
    "gauge",
    "Records admitted and not answered.",
    ({ pendingBytes }) => pendingBytes,
  ),
  logMetric(
    "flushes_total",
    "counter",
    "Writes that were flushed since the log was opened here.",
    ({ flushes }) => flushes,
  ),
  logMetric(
    "blobs_not_saved_total",
    "counter",
    "Attachments that could not be handed over between nodes since the log was opened here; each is tried again.",
    ({ blobsNotSaved }) => blobsNotSaved,
  ),
  logMetric(
    "clock_hand_overs_total",
    "counter",
    "How often the log was handed over because this node's clock is wrong, since the log was opened here.",
    ({ clockHandOvers }) => clockHandOvers,
  ),
  logMetric(
    "decision_waits",
    "gauge",
    "Nodes that have not carried out the latest decision of annals log resolve, as far as this node has heard.",
    ({ decision }) => decision?.waitsFor.length ?? 0,
  ),
  ...STREAM_METRICS,
  groupMetric(
    "lag_records",
    "Records behind the position of the lane that is furthest behind. Of logs led here; at most 256, those stuck or furthest behind.",
    ({ lag }) => lag,
  ),
  groupMetric(
    "stuck",
    "Lanes whose holder lives and whose position has not moved for a minute.",
    ({ stuck }) => stuck,
  ),
  memoryMetric("current", "What a row of docs/bounds.md holds.", ({ current }) => current),
  memoryMetric("peak", "What it held at most.", ({ peak }) => peak),
  memoryMetric(
    "cap",
    "What it may hold, all of its kind together, one item each aside.",
    ({ cap, count }) => cap * count,
  ),
  {
    name: "annals_memory_limit_bytes",
    kind: "gauge",
    help: "`memory.limit`.",
    labels: [],
    samples: ({ cluster }) => one(cluster.memory?.limit ?? 0),
  },
  {
    name: "annals_memory_violations",
    kind: "gauge",
    help: "Bounds that did not hold at some time; more than 0 is a bug.",
    labels: [],
    samples: ({ cluster }) => one(cluster.memory?.violations.length ?? 0),
  },
  {
    name: "annals_pauses_total",
    kind: "counter",
    help: "How often reading or decoding was paused, by kind of reason.",
    labels: ["reason"],
    samples: ({ cluster }) => by("reason", cluster.memory?.pauses ?? {}),
  },
  {
    name: "annals_link_faults_total",
    kind: "counter",
    help: "Links from peers that ended here, by code.",
    labels: ["code"],
    samples: ({ cluster }) => by("code", cluster.linkFaults),
  },
  {
    name: "annals_worker_restarts_total",
    kind: "counter",
    help: "Worker threads that ended without being asked to.",
    labels: [],
    samples: ({ cluster }) => one(cluster.workerRestarts),
  },
  {
    name: "annals_peer_reachable",
    kind: "gauge",
    help: "1 if the node is reached.",
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
    help: "How late the main thread came to its work, in the last ten seconds at least; quantile 1 is the most.",
    labels: ["quantile"],
    samples: ({ delay }) => by("quantile", { "0.5": delay.p50, "0.99": delay.p99, "1": delay.max }),
  },
  {
    name: "annals_thread_busy_seconds_total",
    kind: "counter",
    help: "Seconds for which the event loop of a thread had work; the rate is its utilisation. A worker that is replaced begins at 0.",
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
    "CPU of all threads.",
    ({ cpuSeconds }) => cpuSeconds,
  ),
  processMetric("resident_bytes", "gauge", "Resident set.", ({ rssBytes }) => rssBytes),
  processMetric("heap_bytes", "gauge", "Heap of the main thread.", ({ heapBytes }) => heapBytes),
  processMetric(
    "external_bytes",
    "gauge",
    "Buffers of the main thread.",
    ({ externalBytes }) => externalBytes,
  ),
  processMetric(
    "orphaned_errors_total",
    "counter",
    "Errors of connections that no code took care of, and that the process outlived; more than 0 is a bug.",
    (figures) => figures.orphanedErrors,
  ),
  processMetric(
    "log_lines_dropped_total",
    "counter",
    "Log lines that were dropped because 1 MiB of them waited for whoever reads stderr.",
    (figures) => figures.linesDropped,
  ),
  processMetric(
    "uptime_seconds",
    "gauge",
    "Since the process began.",
    ({ uptimeSeconds }) => uptimeSeconds,
  ),
];
