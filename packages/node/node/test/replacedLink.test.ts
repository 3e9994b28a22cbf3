/**
 * Goal: a peer that dials anew gets the place of its link before, so that it never has two of them. Method: a real node that waits for its
 * birth, and a peer that is played.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fingerprint, loadConfig } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { freePort } from "@annals/fake-server";
import { asMemberId } from "@annals/raft";
import { PEER_PATH } from "@annals/transport";
import { encodeFrame, PROTOCOL_VERSION } from "@annals/wire";
import pino from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { startNode } from "../src/startNode.ts";
import type { RunningNode } from "../src/incarnations.ts";

let directory: string;
let config: NodeConfig;
let node: RunningNode;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-replaced-"));
  const text = `nodes: { a: "127.0.0.1:${await freePort()}", b: "127.0.0.1:1" }\ndata: ${directory}\n`;
  const loaded = loadConfig({ text, env: {}, node: "a" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  config = loaded.config;
  node = await startNode(config, { logger: pino({ level: "silent" }) });
});

afterAll(async () => {
  await node.close();
  await rm(directory, { recursive: true, force: true });
});

/** A control link of node b that has been welcomed, and the reason that it ends with. */
async function dial(member: number): Promise<{ socket: WebSocket; ended: Promise<string> }> {
  const socket = new WebSocket(`${node.url.replace("http", "ws")}${PEER_PATH}`);
  const ended = new Promise<string>((resolve) => {
    socket.on("close", (_code, reason) => resolve(reason.toString()));
  });
  socket.on("open", () =>
    socket.send(
      encodeFrame({
        kind: "hello",
        epoch: 1,
        protocol: PROTOCOL_VERSION,
        cluster: config.cluster,
        clusterId: undefined,
        node: "b",
        member: asMemberId(member),
        address: "127.0.0.1:1",
        fingerprint: fingerprint(config),
        purpose: "control",
        logId: undefined,
        limits: { maxMessageBytes: config.replication.maxMessageBytes },
      }),
    ),
  );
  await new Promise((resolve) => socket.once("message", resolve));
  return { socket, ended };
}

it("closes the link before, by name, and keeps the new one", async () => {
  const first = await dial(7);
  const second = await dial(7);
  expect(await first.ended).toBe("ERR_LINK_REPLACED");
  expect(second.socket.readyState).toBe(WebSocket.OPEN);
  second.socket.close();
  await second.ended;
});

it("leaves another incarnation's link alone: which of them is right is not for the newest to say", async () => {
  const [one, other] = [await dial(7), await dial(8)];
  other.socket.close();
  await other.ended;
  expect(one.socket.readyState).toBe(WebSocket.OPEN);
  one.socket.close();
  await one.ended;
});
