import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@annals/config";
import { startNode } from "@annals/node";
import type { NodeConfig } from "@annals/config";
import type { RunningNode } from "@annals/node";
import pino from "pino";
import type { Logger } from "pino";

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A throw-away node, its lines kept in memory. */
export interface TestNode {
  readonly node: RunningNode;
  readonly config: NodeConfig;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  readonly directory: string;
}

function memoryLogger(lines: Record<string, unknown>[]): Logger {
  return pino({ level: "debug" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
}

/** The configuration of a cluster of one on a free port. */
async function soloConfig(directory: string, extra = ""): Promise<NodeConfig> {
  const port = await freePort();
  const text = `cluster: test\nnodes: { a: "127.0.0.1:${port}" }\ndata: ${directory}\n${extra}`;
  const loaded = loadConfig({ text, env: {}, node: "a" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

export async function startTestNode(extra = ""): Promise<TestNode> {
  const directory = await mkdtemp(join(tmpdir(), "annals-node-"));
  const config = await soloConfig(directory, extra);
  const lines: Record<string, unknown>[] = [];
  const node = await startNode(config, { logger: memoryLogger(lines) });
  return { node, config, lines, directory };
}

export async function stopTestNode(test: TestNode): Promise<void> {
  await test.node.close();
  await rm(test.directory, { recursive: true, force: true });
}

/** Polls until `look` gives something; the caller's test timeout is the limit. */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function untilReady(node: RunningNode): Promise<void> {
  await until(async () => {
    const response = await fetch(`${node.url}/readyz`).catch(() => undefined);
    return response?.status === 200 ? true : undefined;
  });
}
