/**
 * Goal: a peer that is away is told once a reason, however often it is dialled, and so is its return. Method: the links of a node to a port
 * on which nobody listens, then a stranger, then a peer.
 */
import type { AddressInfo } from "node:net";
import { freePort } from "@annals/fake-server";
import { Ledger } from "@annals/flow";
import { mustLoad } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import { encodeFrame } from "@annals/wire";
import pino from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { ClockWatch } from "../src/clockWatch.ts";
import type { NodeIdentity } from "../src/identity.ts";
import { PeerLinks } from "../src/peerLinks.ts";

const WAIT = { timeout: 20_000, interval: 5 };

let lines: Record<string, unknown>[];
let downs: string[];
let welcomed: string[];
let clocks: ClockWatch;
let links: PeerLinks;
let port: number;
let server: WebSocketServer | undefined;

beforeEach(async () => {
  [lines, downs, welcomed, server] = [[], [], [], undefined];
  port = await freePort();
  const config = mustLoad({
    text: `nodes: { a: "127.0.0.1:1", b: "127.0.0.1:${port}" }\ndata: /d\n`,
    node: "a",
  });
  const logger = pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  clocks = new ClockWatch(config, logger);
  links = new PeerLinks({
    config,
    identity: { member: asMemberId(1), certificate: undefined } as unknown as NodeIdentity,
    fingerprint: "f",
    logger,
    ledger: new Ledger(),
    clocks,
    onWelcome: (node) => void welcomed.push(node),
    onFrame: () => undefined,
    onDown: (_node, { kind }) => void downs.push(kind),
  });
});
afterEach(async () => {
  links.close();
  clocks.close();
  await stop();
});

async function listen(greet: boolean): Promise<void> {
  const made = new WebSocketServer({ port, host: "127.0.0.1" });
  server = made;
  made.on("connection", (socket) => {
    if (!greet) socket.close(1008, "ERR_PEER_CLUSTER");
    const welcome = { kind: "welcome", clusterId: "x", node: "b", member: asMemberId(2) } as const;
    socket.once("message", () => socket.send(encodeFrame(welcome)));
  });
  await new Promise((resolve) => made.once("listening", resolve));
  expect((made.address() as AddressInfo).port).toBe(port);
}

async function stop(): Promise<void> {
  const made = server;
  if (made === undefined) return;
  for (const socket of made.clients) socket.terminate();
  await new Promise((resolve) => made.close(resolve));
}

const told = (): readonly unknown[] => lines.map(({ code, msg }) => code ?? msg);
const downAgain = async (times: number): Promise<void> => {
  const before = downs.length;
  await vi.waitUntil(() => downs.length >= before + times, WAIT);
};

it("tells each reason once, while it lasts, and the return", async () => {
  await downAgain(4);
  expect(lines).toMatchObject([{ peer: "b", msg: "control link down" }]);
  const [gone] = told();
  expect(links.states()).toMatchObject([{ node: "b", reachable: false, fault: { code: gone } }]);
  await listen(false);
  await vi.waitUntil(() => told().length === 2, WAIT);
  await downAgain(2);
  expect(told()).toEqual([gone, "ERR_PEER_CLUSTER"]);
  await stop();
  await listen(true);
  await vi.waitUntil(() => welcomed.length === 1, WAIT);
  expect(links.states()).toEqual([{ node: "b", reachable: true, fault: undefined }]);
  expect(told().at(-1)).toBe("control link open");
  const before = lines.length;
  await stop();
  await downAgain(1);
  // Once it was well, the same reason is news.
  await vi.waitUntil(() => lines.length > before, WAIT);
  expect(told().slice(before)).not.toContain("control link open");
});
