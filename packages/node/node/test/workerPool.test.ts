/**
 * Goal: when a worker thread dies its logs come back on other threads with everything that was acknowledged; meanwhile clients are told
 * nothing but that they may try again, or that an append may have been taken. Method: a real node with two logs, whose worker is made to run
 * out of heap by one of them while the other is appended to; every answer is looked at.
 */
import { readdirSync } from "node:fs";
import { startTestNode, stopTestNode, until, untilReady } from "@annals/fake-server";
import type { TestNode } from "@annals/fake-server";
import { afterAll, beforeAll, expect, it } from "vitest";
import { heapSnapshotDirectory } from "../src/memory/heapSnapshots.ts";

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly retryable?: boolean;
  readonly firstSeq?: number;
}

let test: TestNode;

beforeAll(async () => {
  test = await startTestNode(
    "logs: [audit, trail]\nworkers: { count: 1, maxHeapBytes: 24MiB, heapSnapshot: true }\ningest: { maxBodyBytes: 8MiB, maxRecords: 60000 }\n",
  );
  await untilReady(test.node);
}, 20_000);

afterAll(async () => stopTestNode(test));

async function append(log: string, body: string): Promise<Answer> {
  const response = await fetch(`${test.node.url}/v1/logs/${log}/records`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return { ...((await response.json()) as object), status: response.status };
}

const appendOf = (log: string, id: string): Promise<Answer> =>
  append(log, JSON.stringify({ actor: { id }, action: "a.b" }));

/** Appends until one is acknowledged; returns its seq. */
async function acknowledged(log: string, id: string): Promise<number> {
  return until(async () => (await appendOf(log, id)).firstSeq);
}

it("hands a dead worker's logs to a fresh one, and other clients are told nothing final", async () => {
  const first = await acknowledged("audit", "u1");
  const stored = new Map<number, string>();
  const answers: Answer[] = [];
  const over = new AbortController();
  const other = (async () => {
    for (let k = 0; !over.signal.aborted; k++) {
      const answer = await appendOf("trail", `t${k}`);
      answers.push(answer);
      if (answer.firstSeq !== undefined) stored.set(answer.firstSeq, `t${k}`);
    }
  })();
  // Tens of thousands of small records parsed at once, several times over, need more than the worker's heap.
  const heavy = JSON.stringify(
    Array.from({ length: 60_000 }, (_, k) => ({ actor: { id: `u${k}` }, action: "a.b" })),
  );
  await until(async () => {
    const sent = Array.from({ length: 8 }, () => append("audit", heavy));
    answers.push(...(await Promise.all(sent)));
    const response = await fetch(`${test.node.url}/v1/cluster`);
    const cluster = (await response.json()) as { workerRestarts: number };
    return cluster.workerRestarts > 0 ? true : undefined;
  });
  const snapshots = readdirSync(heapSnapshotDirectory(test.config.data));
  expect(snapshots.filter((name) => name.endsWith(".heapsnapshot"))).not.toEqual([]);
  // Both logs take appends again, behind all that they had.
  const last = await acknowledged("audit", "u2");
  expect(last).toBeGreaterThan(first);
  await acknowledged("trail", "last");
  over.abort();
  await other;
  const final = answers.filter(
    ({ status, code, retryable }) =>
      status !== 200 && retryable !== true && code !== "ERR_OUTCOME_UNKNOWN",
  );
  expect(final).toEqual([]);
  const recordOf = async (log: string, seq: number): Promise<unknown> =>
    (await fetch(`${test.node.url}/v1/logs/${log}/records/${seq}`)).json();
  expect(await recordOf("audit", first)).toMatchObject({ actor: { id: "u1" } });
  for (const [seq, id] of stored)
    expect(await recordOf("trail", seq)).toMatchObject({ seq, actor: { id } });
  // A log that has ended several workers waits up to a minute for its next try.
}, 240_000);
