import type { Report } from "@annals/check";
import { AnnalsClient } from "@annals/client";
import type { ProcessCluster } from "@annals/drill";
import { asIndex } from "@annals/raft";
import type { StoredEntry } from "@annals/replica";
import { fsckNode, openLogStore } from "@annals/storage";
import type { FsckReport } from "@annals/storage";
import { decodeRecord, viewBatch } from "@annals/wire";
import { LOG } from "./auditLog.ts";
import type { History } from "./history.ts";
import { nameOf } from "./readLedger.ts";
import type { ReadLedger } from "./readLedger.ts";

const CONVERGE_WITHIN_MS = 90_000;
const PAGE = 5_000;
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Log 0 is the cluster's own. */
const SYSTEM_LOG_ID = 0;

export interface Judgement {
  readonly cluster: ProcessCluster;
  readonly history: History;
  readonly ledger: ReadLedger;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Where all nodes agree to be. */
interface Head {
  readonly index: number;
  readonly seq: number;
  readonly hash: string;
}

/**
 * The end of a run, everything being healed and nothing under way: all nodes agree, each shows the same records, each stops as asked, each
 * disk is sound, and what each disk holds satisfies the oracle.
 */
export async function judge(judgement: Judgement): Promise<void> {
  const { cluster, report, signal } = judgement;
  const head = await converge(judgement);
  if (head === undefined) return;
  for (const id of cluster.ids) await readAll(judgement, id, head);
  await Promise.all([...cluster.nodes.values()].map((node) => node.end()));
  for (const node of cluster.nodes.values()) {
    signal.throwIfAborted();
    const reports = await fsckNode(node.data);
    for (const problem of reports.flatMap((one) => one.problems)) {
      if (problem.kind === "damage")
        report("disks are sound", `node ${node.id}: ${problem.where}: ${problem.what}`);
    }
    const log = reports.find((one) => one.logId !== SYSTEM_LOG_ID && one.logId !== undefined);
    if (log === undefined) report("disks are sound", `node ${node.id} has no log ${LOG}`);
    else await judgeDisk(judgement, node.id, log, head);
  }
}

async function converge({ cluster, report, signal }: Judgement): Promise<Head | undefined> {
  const head = await cluster.until(CONVERGE_WITHIN_MS, signal, async () => {
    const statuses = await cluster.statuses();
    const logs = statuses.map((status) => status?.logs.find((one) => one.name === LOG));
    const [first] = logs;
    if (first?.headHash === undefined) return undefined;
    const { headHash, appliedIndex, lastSeq } = first;
    const same = logs.every(
      (log) => log?.headHash === headHash && log.appliedIndex === appliedIndex,
    );
    return same ? { index: appliedIndex, seq: lastSeq, hash: headHash } : undefined;
  });
  if (head === undefined) {
    report(
      "converges",
      `the nodes do not agree ${CONVERGE_WITHIN_MS} ms after the last fault: ${await statesOf(cluster)}`,
    );
  }
  return head;
}

/** What each node says of itself, for the text of a failure. */
export async function statesOf(cluster: ProcessCluster): Promise<string> {
  const states = await Promise.all(cluster.ids.map((id) => stateOf(cluster, id)));
  return states.join(", ");
}

async function stateOf(cluster: ProcessCluster, id: string): Promise<string> {
  const status = await cluster.status(id);
  const log = status?.logs.find((one) => one.name === LOG);
  if (status === undefined) return `${id} does not answer`;
  if (log === undefined) return `${id} has not opened the log`;
  return `${id} has applied ${log.appliedIndex} in term ${log.term}`;
}

/** Everything that one node itself has, over its interface. */
async function readAll(judgement: Judgement, id: string, head: Head): Promise<void> {
  const { cluster, ledger, report, signal } = judgement;
  const client = new AnnalsClient({ urls: [cluster.node(id).url] });
  try {
    let from = 1;
    const query = { consistency: "local", limit: PAGE } as const;
    for await (const page of client.pages(LOG, query, { signal })) {
      ledger.records(from, page.items);
      from += page.items.length;
    }
    if (from - 1 < head.seq)
      report("reads are gap-free", `node ${id} shows ${from - 1} of ${head.seq} records`);
  } finally {
    client.close();
  }
}

async function judgeDisk(
  { history, ledger, report }: Judgement,
  id: string,
  log: FsckReport,
  head: Head,
): Promise<void> {
  const store = await openLogStore({
    directory: log.directory,
    logId: log.logId ?? SYSTEM_LOG_ID,
    segmentBytes: SEGMENT_BYTES,
    minFreeBytes: 1,
    scanFirst: false,
  });
  try {
    const entries: StoredEntry[] = [];
    for (let index = 1; index <= head.index; index++) {
      const stored = store.storedEntry(asIndex(index));
      if (stored === undefined) {
        report("disks are complete", `node ${id} lacks entry ${index} of ${head.index}`);
        return;
      }
      entries.push(stored);
      for (const [seq, name] of namesOf(stored)) ledger.shown(seq, name);
    }
    const hash = Buffer.from(entries.at(-1)?.hash ?? []).toString("hex");
    if (hash !== head.hash)
      report(
        "equal head hashes",
        `entry ${head.index} of node ${id} has ${hash}, not ${head.hash}`,
      );
    history.judge(entries, (rule, text) => report(rule, `on the disk of ${id}: ${text}`));
  } finally {
    await store.close();
  }
}

function* namesOf({ entry }: StoredEntry): Generator<[number, string]> {
  if (entry.kind !== "records") return;
  const batch = viewBatch(entry.data);
  for (let k = 0; k < batch.header.count; k++)
    yield [batch.header.firstSeq + k, nameOf(decodeRecord(batch.record(k)))];
}
