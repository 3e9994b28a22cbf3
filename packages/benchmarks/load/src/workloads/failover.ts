import { setTimeout as sleep } from "node:timers/promises";
import { BenchError } from "../benchError.ts";
import type { OwnTarget } from "../cluster/target.ts";
import { bodyOf, recordsOfSize } from "../load/bodies.ts";
import { Latencies } from "../measure/latencies.ts";
import type { LatencySummary } from "../measure/latencies.ts";
import { scrape } from "../measure/scrape.ts";

export interface FailoverFigures {
  readonly kind: "failover";
  /** From the death of the leader until a node of the others has acknowledged a record that was sent after it. */
  readonly outage: LatencySummary;
}

const ASK_EVERY_MS = 10;
const WITHIN_MS = 60_000;
const ANSWER_MS = 5_000;

/** Kills the leader again and again (SIGKILL) and appends to the others until one is acknowledged. */
export async function measureFailover(
  target: OwnTarget,
  kills: number,
  signal: AbortSignal,
  onProgress: (kills: number) => void = () => undefined,
): Promise<FailoverFigures> {
  const outages = new Latencies();
  for (let k = 0; k < kills; k++) {
    await together(target, signal);
    const [leader = "", ...others] = await target.addresses();
    const node = [...target.processes.nodes.values()].find(({ address }) => address === leader);
    if (node === undefined) throw new BenchError("ERR_BENCH_CLUSTER", "the leader is not ours");
    const diedMs = performance.now();
    // Its end is not waited for: clients do not know of it either.
    const gone = node.kill();
    try {
      outages.add((await firstAcknowledged(others, target.log, signal)) - diedMs);
    } finally {
      await gone;
      node.release();
    }
    onProgress(k + 1);
  }
  return { kind: "failover", outage: outages.summary() };
}

/** When one of the nodes first said that a record is in the log. */
async function firstAcknowledged(
  addresses: readonly string[],
  log: string,
  signal: AbortSignal,
): Promise<number> {
  const body = bodyOf(
    {
      recordsPerRequest: 1,
      format: "json",
      compression: "none",
      record: recordsOfSize(256, "json"),
    },
    0,
  );
  const found = Promise.withResolvers<number>();
  const acknowledged = new AbortController();
  const ask = async (address: string): Promise<void> => {
    const response = await fetch(`http://${address}/v1/logs/${log}/records`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new Uint8Array(body),
      signal: AbortSignal.any([signal, acknowledged.signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    await response.arrayBuffer();
    if (!response.ok) return;
    found.resolve(performance.now());
    acknowledged.abort();
  };
  const deadline = performance.now() + WITHIN_MS;
  for (let k = 0; !acknowledged.signal.aborted; k++) {
    signal.throwIfAborted();
    if (performance.now() > deadline)
      throw new BenchError("ERR_BENCH_CLUSTER", `no leader within ${WITHIN_MS} ms`);
    // A node without a leader says so, or nothing: the next one is asked meanwhile.
    void ask(addresses[k % addresses.length] ?? "").catch(() => undefined);
    await sleep(ASK_EVERY_MS, undefined, { signal });
  }
  return found.promise;
}

/** Waits until every node has what the leader has. */
async function together(target: OwnTarget, signal: AbortSignal): Promise<void> {
  const together = await target.processes.until(WITHIN_MS, signal, async () => {
    const all = await Promise.all(target.nodes.map(({ address }) => scrape(address, target.log)));
    const last = Math.max(...all.map((one) => one?.lastSeq ?? 0));
    const led = all.filter((one) => one?.leads === true).length === 1;
    return led && all.every((one) => one?.lastSeq === last) ? true : undefined;
  });
  if (together === undefined)
    throw new BenchError("ERR_BENCH_CLUSTER", `the nodes are not level after ${WITHIN_MS} ms`);
}
