/**
 * Goal: a log that would not fit memory.limit is not created, whoever is asked; one that was created by a leader with more memory is served,
 * and the status says that it does not fit. Method: two nodes in this process, the second with a limit for one log.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterStatus } from "@annals/api";
import { loadConfig, memoryBudget, shapeOf } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { freePort, until, untilReady } from "@annals/fake-server";
import pino from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startNode } from "../../src/startNode.ts";
import type { RunningNode } from "../../src/incarnations.ts";

/** Given, so that none of them is lowered to fit. */
const CAPS = `raft: { maxUncommittedBytes: 8MiB }
replication: { append: { maxInflightBytes: 4MiB }, receive: { maxQueueBytes: 8MiB } }
ingest: { maxPendingBytes: 8MiB }
workers: { count: 1, maxHeapBytes: 64MiB, maxQueueBytes: 16MiB }
query: { maxHeldBytes: 8MiB }
`;

let directory: string;
const nodes = new Map<string, RunningNode>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-limit-"));
  const ports = [await freePort(), await freePort()];
  const text = `nodes: { a: "127.0.0.1:${ports[0]}", b: "127.0.0.1:${ports[1]}" }\ndata: ${directory}/\${node}\n${CAPS}`;
  const configOf = (node: string, limit: string): NodeConfig => {
    const loaded = loadConfig({ text, env: {}, node, flags: { "memory.limit": limit } });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return loaded.config;
  };
  const needed = (logs: number) => {
    const config = configOf("a", "1TiB");
    return `${memoryBudget(config, shapeOf(config, logs)).bytes}B`;
  };
  const configs = [configOf("a", needed(2)), configOf("b", needed(1))];
  const logger = pino({ level: "silent" });
  for (const node of await Promise.all(configs.map((config) => startNode(config, { logger }))))
    nodes.set(nodes.size === 0 ? "a" : "b", node);
  await Promise.all([...nodes.values()].map(untilReady));
}, 30_000);

afterAll(async () => {
  await Promise.all([...nodes.values()].map((node) => node.close()));
  await rm(directory, { recursive: true, force: true });
}, 30_000);

async function post(path: string, body: unknown): Promise<Response> {
  return fetch(`${nodes.get("a")?.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Asks again while leadership is on its way. */
async function create(name: string): Promise<Response> {
  return until(async () => {
    const response = await post("/v1/logs", { name });
    return response.status === 503 ? undefined : response;
  });
}

async function statusOf(id: string): Promise<ClusterStatus> {
  return (await fetch(`${nodes.get(id)?.url}/v1/cluster`)).json() as Promise<ClusterStatus>;
}

/** Makes a node lead `_system`, whose leader creates logs. */
async function lead(id: string): Promise<void> {
  await until(async () => {
    const system = (await statusOf(id)).logs.find(({ name }) => name === "_system");
    if (system?.leader === id) return true;
    await (await post("/v1/logs/_system/transfer-leadership", { to: id })).arrayBuffer();
    return undefined;
  });
}

it("is asked of whoever leads _system, with both numbers in the refusal", async () => {
  await lead("b");
  const refused = await create("orders");
  expect(refused.status).toBe(507);
  const problem = (await refused.json()) as { code: string; details: Record<string, number> };
  expect(problem).toMatchObject({ code: "ERR_MEMORY_LIMIT", details: { logs: 2, fit: 1 } });
  expect(problem.details["needed"]).toBeGreaterThan(problem.details["limit"] ?? 0);
  expect((await statusOf("a")).logs.map(({ name }) => name)).not.toContain("orders");
}, 30_000);

it("holds for creations at once, and never splits the nodes: a log that was created is served, and said not to fit", async () => {
  await lead("a");
  const names = Array.from({ length: 12 }, (_, k) => `orders-${k}`);
  const answers = await Promise.all(
    names.map(async (name) => ({ name, status: (await create(name)).status })),
  );
  const made = answers.filter(({ status }) => status === 201);
  expect(answers.filter(({ status }) => status === 507)).toHaveLength(11);
  expect(made).toHaveLength(1);
  const created = made[0]?.name ?? "";
  const status = await until(async () => {
    const now = await statusOf("b");
    const orders = now.logs.find(({ name }) => name === created);
    return orders?.leader === undefined ? undefined : now;
  });
  expect(status.reasons.join("\n")).toMatch(
    /with 2 logs node b may need \d+ MiB, and memory\.limit is \d+ MiB/,
  );
  expect((await statusOf("a")).reasons.join("\n")).not.toContain("memory.limit");
  const record = { actor: { id: "u" }, action: "a.b" };
  await until(async () =>
    (await post(`/v1/logs/${created}/records`, record)).status === 200 ? true : undefined,
  );
  expect((await create("third")).status).toBe(507);
}, 30_000);
