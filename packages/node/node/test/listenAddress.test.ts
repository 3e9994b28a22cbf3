/**
 * Goal: a cluster whose nodes listen elsewhere than where they are reached forms and replicates. Method: one node behind a forwarding port,
 * as a published container port is, the other on every address of the machine.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@annals/config";
import { freePort, untilReady } from "@annals/fake-server";
import pino from "pino";
import { afterEach, expect, it } from "vitest";
import { startNode } from "../src/startNode.ts";
import type { RunningNode } from "../src/incarnations.ts";

let directory: string;
let forward: Server;
const sockets = new Set<Socket>();
let nodes: RunningNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  for (const socket of sockets) socket.destroy();
  forward.close();
  await rm(directory, { recursive: true, force: true });
}, 30_000);

/** Passes every connection of one port on to another. */
function forwarding(from: number, to: number): Promise<Server> {
  const server = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    near.pipe(far).pipe(near);
  });
  return new Promise((resolve) => server.listen(from, "127.0.0.1", () => resolve(server)));
}

it("a node behind a forwarding port and one on every address are a cluster", async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-listen-"));
  const [published, other, inside] = [await freePort(), await freePort(), await freePort()];
  forward = await forwarding(published, inside);
  const listens = { a: `127.0.0.1:${inside}`, b: `0.0.0.0:${other}` };
  nodes = await Promise.all(
    Object.entries(listens).map(([node, listen]) => {
      const text =
        `nodes: { a: "127.0.0.1:${published}", b: "127.0.0.1:${other}" }\ninsecure: true\n` +
        `data: ${join(directory, node)}\nworkers: { count: 1 }\nlisten: "${listen}"\n`;
      const loaded = loadConfig({ text, env: {}, node });
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
      return startNode(loaded.config, { logger: pino({ level: "silent" }) });
    }),
  );
  expect(nodes[0]?.url).toBe(`http://127.0.0.1:${published}`);
  await Promise.all(nodes.map(untilReady));
  const appended = await fetch(`${nodes[0]?.url}/v1/logs/audit/records`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ actor: { id: "ada" }, action: "a.b" }),
  });
  expect(appended.status).toBe(200);
}, 60_000);
