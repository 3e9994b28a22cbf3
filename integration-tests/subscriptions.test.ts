/**
 * Goal: a subscriber sees each record once and in order through the deaths of its node and of the leader, and one that reads nothing costs
 * its node no more than the caps. Method: the built command as separate processes, the SDK, and a socket that sends and never reads.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";
import { SerialWorkload } from "./support/workload.ts";

let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));

it("follows the log through the deaths of its node and of the leader", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  const leader = await cluster.leader();
  const [own = "", other = ""] = cluster.ids.filter((id) => id !== leader);
  const seqs: number[] = [];
  const follow = async (): Promise<void> => {
    for await (const { seq } of cluster.client(own, other, leader).subscribe("audit")) {
      seqs.push(seq);
      if (seq === 10_000) return;
    }
  };
  const followed = follow();
  const workload = new SerialWorkload(cluster.client(leader, other), "audit", 50);
  const deaths: Promise<void>[] = [];
  await workload.run(200, (sent) => {
    if (sent === 50) deaths.push(cluster.kill(own).then(() => cluster.spawn(own)));
    if (sent === 120) deaths.push(cluster.untilReady(own).then(() => cluster.kill(leader)));
  });
  await Promise.all(deaths);
  await followed;
  expect(workload.acknowledged).toHaveLength(200);
  expect(seqs).toEqual(Array.from({ length: 10_000 }, (_, k) => k + 1));
});

const MEBIBYTE = 2 ** 20;

/** Subscribes and never reads. */
async function openDeafSubscriber(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  const request = [
    "GET /v1/stream HTTP/1.1",
    `host: ${hostname}:${port}`,
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==",
    "sec-websocket-protocol: annals.v1.json",
  ];
  socket.write(`${request.join("\r\n")}\r\n\r\n`);
  await once(socket, "readable");
  // One text frame; its mask of zeroes changes nothing.
  const head = Buffer.from('{"kind":"subscribe","id":1,"log":"audit","records":1000000000}');
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | head.length, 0, 0, 0, 0]), head]));
  return socket;
}

it("keeps its memory when a subscriber reads nothing while 200 MB arrive", async () => {
  const config = "subscribe: { maxUnacked: 1000000, maxBufferedBytes: 1MiB, maxHeldBytes: 8MiB }\n";
  cluster = await TestCluster.start({ nodes: ["a"], config });
  await cluster.untilReady();
  const client = cluster.client();
  const deaf = await openDeafSubscriber(cluster.url("a"));
  const pad = "p".repeat(250 * 1024);
  const record = JSON.stringify({ actor: { id: "ada" }, action: "write", data: { pad } });
  const bytes = Buffer.from(Array.from({ length: 8 }, () => record).join("\n"));
  const appendSome = async (): Promise<void> => {
    for (let k = 0; k < 25; k++)
      await client.append("audit", { contentType: "application/x-ndjson", bytes });
  };
  await Promise.all(Array.from({ length: 4 }, appendSome));
  // Another one gets all of it meanwhile.
  let seen = 0;
  for await (const { seq } of client.subscribe("audit")) {
    expect(seq).toBe(++seen);
    if (seen === 800) break;
  }
  const memory = await until(async () => (await cluster.status("a"))?.memory);
  const row = (name: string) => {
    const found = memory.rows.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no row ${name}`);
    return found;
  };
  expect(memory.pauses["subscriber-socket"]).toBeGreaterThan(0);
  const [buffer, pages] = [row("subscription.buffer"), row("subscription.pages")];
  expect(buffer.cap).toBe(MEBIBYTE);
  expect(buffer.largest).toBeGreaterThan(0);
  // The page that crosses half of the cap is at most the other half, or one record.
  expect(buffer.largest).toBeLessThanOrEqual(buffer.cap + pad.length + 1024);
  expect(pages.largest).toBeLessThanOrEqual(pages.cap + pages.item);
  expect(memory.violations).toEqual([]);
  expect(memory.rssBytes).toBeLessThanOrEqual(memory.worstBytes);
  deaf.destroy();
});
