/**
 * Goal: after a crash a node opens all logs it knew of, though `_system` has no leader and its commit index was not flushed. Method: two real
 * nodes; one starts alone on a copy of its disk that was taken while it ran.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterStatus } from "@annals/api";
import { loadConfig } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { freePort, until, untilReady } from "@annals/fake-server";
import { asMemberId } from "@annals/raft";
import pino from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startNode } from "../src/startNode.ts";
import type { RunningNode } from "../src/incarnations.ts";
import { CatalogFile, knownLogs } from "../src/catalogFile.ts";

let directory: string;
let configs: readonly NodeConfig[];
let nodes: readonly RunningNode[];
const logger = pino({ level: "silent" });

async function statusOf({ url }: RunningNode): Promise<ClusterStatus> {
  return (await (await fetch(`${url}/v1/cluster`)).json()) as ClusterStatus;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-catalog-"));
  const ports = [await freePort(), await freePort()];
  const text = `nodes: { a: "127.0.0.1:${ports[0]}", b: "127.0.0.1:${ports[1]}" }\ndata: ${directory}/\${node}\nlogs: [audit, orders]\n`;
  configs = ["a", "b"].map((node) => {
    const loaded = loadConfig({ text, env: {}, node });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return loaded.config;
  });
  nodes = await Promise.all(configs.map((config) => startNode(config, { logger })));
  await Promise.all(nodes.map(untilReady));
  await until(async () => {
    const text = await readFile(join(directory, "b", "catalog.json"), "utf8").catch(() => "");
    return text.includes("orders") && text.includes("audit") ? true : undefined;
  });
  await cp(join(directory, "b"), join(directory, "crashed"), { recursive: true });
  await Promise.all(nodes.map((node) => node.close()));
}, 30_000);

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function startAlone(): Promise<RunningNode> {
  const [, config] = configs;
  if (config === undefined) throw new RangeError("there are two nodes");
  return startNode({ ...config, data: join(directory, "crashed") }, { logger });
}

it("opens the logs it knew of", async () => {
  const node = await startAlone();
  try {
    const status = await until(async () => {
      const now = await statusOf(node);
      const open = ["audit", "orders"].every((log) =>
        now.reasons.includes(`log ${log} has no leader`),
      );
      return open ? now : undefined;
    });
    expect(status.logs.map(({ name }) => name)).toEqual(["_system", "audit", "orders"]);
  } finally {
    await node.close();
  }
}, 20_000);

it("starts as well without a file, or with one that is damaged", async () => {
  await writeFile(join(directory, "crashed", "catalog.json"), "{");
  const node = await startAlone();
  try {
    const { reasons } = await statusOf(node);
    expect(reasons.join("\n")).not.toContain("shutting down");
  } finally {
    await node.close();
  }
}, 20_000);

it("has what was saved last, also while a write was under way", async () => {
  const data = await mkdtemp(join(directory, "saves-"));
  const file = new CatalogFile(data, logger);
  const named = (name: string, id: number) => ({ id, name, voters: [asMemberId(1)], schemas: [] });
  const [audit, orders, bills] = [named("audit", 1), named("orders", 2), named("bills", 3)];
  void file.save([audit]);
  void file.save([audit, orders]);
  void file.save([audit, orders, bills]);
  await file.close();
  expect(await new CatalogFile(data, logger).read()).toEqual([audit, orders, bills]);
  void file.save([audit]);
  await file.close();
  expect(await knownLogs(data)).toEqual([audit]);
});
