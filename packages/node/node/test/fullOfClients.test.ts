/**
 * Goal: a cluster whose nodes are full of clients keeps its quorum, passes requests on and tells its operator how it is. Method: three real
 * nodes with few places, clients and silent connections that hold them all while a follower restarts and the other one goes.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestCluster } from "./testCluster.ts";

const PLACES = 4;
const SILENT = 300;

let cluster: TestCluster;
let sockets: Socket[] = [];

beforeAll(async () => {
  const extra = `workers: { count: 1 }\nhttp: { maxConnections: ${PLACES}, maxConnectionsPerAddress: ${PLACES} }\n`;
  cluster = await TestCluster.start(64 << 20, extra);
  await cluster.untilReady();
}, 60_000);

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await cluster.close();
}, 30_000);

function open(id: string): Socket {
  const socket = connect(Number(new URL(cluster.url(id)).port), "127.0.0.1");
  socket.on("error", () => undefined);
  sockets.push(socket);
  return socket;
}

/** Takes every place that clients have on the node, those of this test's own `fetch` aside. */
async function fill(id: string): Promise<void> {
  for (;;) {
    const socket = open(id);
    socket.write("GET /v1/ingest/stats HTTP/1.1\r\nhost: x\r\n\r\n");
    const [answer] = (await once(socket, "data")) as [Buffer];
    if (answer.toString().startsWith("HTTP/1.1 503")) return;
  }
}

async function append(id: string): Promise<number> {
  const socket = open(id);
  const body = JSON.stringify({ actor: { id: "ada" }, action: "a.b" });
  socket.write(
    `POST /v1/logs/audit/records HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const [answer] = (await once(socket, "data")) as [Buffer];
  return Number(answer.toString().split(" ")[1]);
}

it("keeps its quorum and answers probes while clients hold every place of the leader", async () => {
  const leader = await cluster.leader();
  const [first = "", second = ""] = cluster.ids.filter((id) => id !== leader);
  await cluster.append(["a.b"]);
  await fill(leader);
  const silent = Array.from({ length: SILENT }, () => open(leader));
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  await cluster.stop(first);
  await cluster.spawn(first);
  await cluster.untilReady();
  await cluster.stop(second);
  await expect.poll(() => append(first), { timeout: 20_000 }).toBe(200);
  for (const path of ["/healthz", "/readyz", "/metrics", "/v1/cluster"]) {
    const response = await fetch(cluster.url(leader) + path);
    expect([path, response.status]).toEqual([path, 200]);
    await response.arrayBuffer();
  }
  sockets = sockets.filter((socket) => !socket.destroyed);
}, 60_000);
