import { randomUUID } from "node:crypto";
import type { AnnalsClient, AppendReply, ClusterStatus } from "@annals/client";
import { CliError } from "../program/cliError.ts";

export interface KillLeaderOptions {
  readonly log: string;
  /** Records appended around the kill, one request each. */
  readonly records: number;
  readonly signal: AbortSignal;
  /** Ends a process at once; `process.kill(pid, "SIGKILL")` but in tests. */
  readonly kill: (pid: number) => void;
  readonly onEvent: (text: string) => void;
  readonly now: () => number;
}

export interface KillLeaderResult {
  readonly killed: string;
  readonly leader: string;
  /** Milliseconds from the kill to the first append that was acknowledged after it. */
  readonly outageMs: number;
  readonly acknowledged: number;
  /** Acknowledged records that could not be read back, and records that are there more than once. */
  readonly missing: number;
  readonly duplicated: number;
  /** Seqs of all records of the log, dense or not. */
  readonly lastSeq: number;
}

/** Share of the records that are appended before the kill. */
const BEFORE = 0.3;

/**
 * Appends records one by one, kills the leader's process in the middle, goes on appending, and then reads everything back: each
 * acknowledged record has to be there exactly once, at the seq it was given.
 */
export async function killLeader(
  client: AnnalsClient,
  options: KillLeaderOptions,
): Promise<KillLeaderResult> {
  const { log, records, signal, onEvent, now } = options;
  const victim = await findLeader(client, log, signal);
  const run = randomUUID().slice(0, 8);
  const action = `demo.survival-${run}`;
  const given = new Map<number, number>();
  const killAfter = Math.max(1, Math.floor(records * BEFORE));
  let killedMs = 0;
  let outageMs = 0;
  for (let sequence = 1; sequence <= records; sequence++) {
    const producer = { id: `kill-leader-${run}`, epoch: 1, sequence };
    const record = { actor: { id: "annals-dev", type: "service" }, action, data: { n: sequence } };
    const pending = client.append(log, record, { producer, signal, timeoutMs: 2_000 });
    if (sequence === killAfter) {
      // With a request on its way: the one whose outcome nobody knows.
      onEvent(`node ${victim.node} leads ${log}: kill -9 ${victim.pid}, with an append on its way`);
      options.kill(victim.pid);
      killedMs = now();
    }
    const reply: AppendReply = await pending;
    if (sequence === killAfter + 1) outageMs = now() - killedMs;
    given.set(sequence, reply.firstSeq);
  }
  const leader = await newLeader(client, log, signal);
  onEvent(`node ${leader} leads now; reading everything back`);
  const found = await readBack(client, log, action, signal);
  let missing = 0;
  let duplicated = 0;
  for (const [n, seq] of given) {
    const seqs = found.get(n) ?? [];
    if (!seqs.includes(seq)) missing++;
    if (seqs.length > 1) duplicated++;
  }
  const lastSeq = await assertDense(client, log, Math.min(...given.values()), signal);
  return {
    killed: victim.node,
    leader,
    outageMs,
    acknowledged: given.size,
    missing,
    duplicated,
    lastSeq,
  };
}

/** Throws unless every address is on loopback: what is killed by its process id has to be a process of this machine. */
export function assertLocal(addresses: readonly string[]): void {
  const foreign = addresses.find((address) => !/^(127\.|localhost:|\[::1\])/.test(address));
  if (foreign === undefined) return;
  throw new CliError(
    "ERR_DEV_NOT_LOCAL",
    `the cluster has a node at ${foreign}: not on this machine`,
    {
      hint: "kill-leader is for clusters of `annals dev`",
    },
  );
}

async function findLeader(
  client: AnnalsClient,
  log: string,
  signal: AbortSignal,
): Promise<{ readonly node: string; readonly pid: number }> {
  const seen = await client.cluster({ signal });
  const leader = leaderOf(seen, log);
  const address = seen.nodes.find(({ id }) => id === leader)?.address;
  if (leader === undefined || address === undefined) {
    throw new CliError("ERR_NO_LEADER", `log ${log} has no leader now`, {
      exitCode: 4,
      hint: "wait a moment and try again",
    });
  }
  // A node knows its own process only.
  const own = await client.cluster({ url: `http://${address}`, signal });
  const pid = own.nodes.find(({ id }) => id === leader)?.pid;
  if (pid === undefined || leader !== own.node) {
    throw new CliError("ERR_DEV_NO_PID", `node ${leader} does not say its process id`);
  }
  return { node: leader, pid };
}

function leaderOf(status: ClusterStatus, log: string): string | undefined {
  const found = status.logs.find(({ name }) => name === log);
  if (found !== undefined) return found.leader;
  throw new CliError("ERR_LOG_NOT_FOUND", `there is no log "${log}"`, { exitCode: 6 });
}

/** The leader as the cluster sees it now; an append was acknowledged, so there is one. */
async function newLeader(client: AnnalsClient, log: string, signal: AbortSignal): Promise<string> {
  return leaderOf(await client.cluster({ signal }), log) ?? "unknown";
}

async function readBack(
  client: AnnalsClient,
  log: string,
  action: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, readonly number[]>> {
  const found = new Map<number, number[]>();
  for await (const record of client.records(log, { action, limit: 1_000 }, { signal })) {
    const n = Number(record.data?.["n"]);
    found.set(n, [...(found.get(n) ?? []), record.seq]);
  }
  return found;
}

/** Reads the log's end from `from` on: every seq has to be there. */
async function assertDense(
  client: AnnalsClient,
  log: string,
  from: number,
  signal: AbortSignal,
): Promise<number> {
  let expected = from;
  for await (const { seq } of client.records(log, { from, limit: 1_000 }, { signal })) {
    if (seq !== expected) {
      throw new CliError(
        "ERR_LOG_NOT_DENSE",
        `record ${expected} is missing: ${seq} follows ${expected - 1}`,
        { exitCode: 20 },
      );
    }
    expected++;
  }
  return expected - 1;
}
