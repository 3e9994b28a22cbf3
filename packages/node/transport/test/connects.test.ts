/**
 * Goal: ten thousand links leave nothing behind: no listener, timer, socket, pause, or accounted byte; and nothing that was queued when its
 * link ended is delivered. Method: links on loopback, accepted as a node does it, that end in every way: closed by either side, refused, cut
 * in the middle of a frame, and with frames in every queue.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { Ledger } from "@annals/flow";
import type { PauseGate } from "@annals/flow";
import { MemoryBlobs } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { encodeFrame, encodeMessages } from "@annals/wire";
import type { HelloFrame } from "@annals/wire";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ClockQuestions } from "../src/clockQuestions.ts";
import { ControlLink } from "../src/controlLink.ts";
import { DataLink } from "../src/dataLink.ts";
import { Permits } from "../src/permits.ts";
import { QueueBudget } from "../src/queueBudget.ts";
import { Receiver } from "../src/receiver.ts";
import type { DataLinkOptions } from "../src/dataLink.ts";
import type { InboundHandler, InboundLink } from "../src/inboundLink.ts";
import { append, ENDS, hello, Loopback, WELCOME } from "./loopback.ts";

const CONNECTS = 10_000;
const AT_A_TIME = 40;
/** Longer than a link of this test lives. */
const HELD_MS = 10;
const BUDGET_BYTES = 20_000;
/** Says that the link is to be closed as soon as it is open. */
const UNWANTED = "unwanted";

/** Looks once a turn: a timer of its own would be one of those that are counted. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

let ledger: Ledger;
let budget: QueueBudget;
let peer: Loopback;
let gates: PauseGate[];
/** What the follower's replica got of links that had ended by then. */
let lateDeliveries: number;
let refusing: boolean;

/** A follower whose replica takes its time: links end with frames in every queue, and what they had brought is done with later. */
function accept(link: InboundLink, { fingerprint, purpose }: HelloFrame): InboundHandler {
  if (refusing) throw new AnnalsError("ERR_PEER_RETIRED", "retired");
  if (fingerprint === UNWANTED)
    setImmediate(() => link.close({ code: "ERR_WORKER_LOST", reason: "its worker ended" }));
  const state = { ended: false };
  budget.join(link.gate);
  const receiver = new Receiver({
    ends: { ...ENDS, place: `${purpose}:dialler` },
    ledger,
    limits: { eventHighWaterMark: 1, maxQueueBytes: 1000, maxCommitBacklog: 1, yieldAfterMs: 10 },
    blobs: {
      files: new MemoryBlobs(),
      maxBlobBytes: 1,
      sendAnswer: () => {},
      onSaved: () => {},
      onNotSaved: () => {},
    },
    deliver: (_messages, receipt) => {
      if (state.ended) lateDeliveries++;
      setTimeout(() => {
        receipt.stepped();
        receipt.durable();
      }, HELD_MS);
    },
    sendGrant: (credit) => {
      if (purpose !== "data") return;
      setImmediate(() => link.send(encodeFrame({ kind: "grant", ...credit })));
    },
    onReleased: (bytes) => {
      budget.remove(bytes);
      link.release(bytes);
    },
    onFault: ({ code, message }) => link.close({ code, reason: message }),
    now: () => performance.now(),
  });
  gates.push(link.gate, receiver.gate);
  return {
    greeting: [WELCOME],
    unread: ledger.family("send.acks"),
    onBytes: (bytes) => {
      budget.add(bytes.length);
      receiver.onFrame(bytes);
    },
    onClose: () => {
      state.ended = true;
      budget.leave(link.gate);
      receiver.close();
    },
  };
}

beforeEach(async () => {
  [ledger, gates, lateDeliveries, refusing] = [new Ledger(), [], 0, false];
  budget = new QueueBudget(BUDGET_BYTES, ledger.family("receive.worker"));
  peer = await Loopback.start({ handler: accept, maxQueueBytes: 1000 });
});

afterEach(() => peer.close());

async function controlLink(): Promise<void> {
  const link = new ControlLink({
    clock: new ClockQuestions(
      () => performance.now(),
      () => undefined,
    ),
    ...peer.dialling("control"),
    buffered: ledger.family("send.control"),
    onOpen: () => {},
    onFrame: () => {},
    onDown: () => {},
  });
  await until(() => link.open);
  link.send(1, new Uint8Array(10));
  link.close();
}

function dataLink(change: Partial<DataLinkOptions> = {}): DataLink {
  return new DataLink({
    self: asMemberId(1),
    follower: asMemberId(2),
    ...peer.dialling("data"),
    ledger,
    maxQueuedBytes: 10_000,
    maxQueuedMessages: 10,
    progressTimeoutMs: 60_000,
    blobs: new MemoryBlobs(),
    blobPermits: new Permits(1),
    onMessages: () => {},
    onLost: () => {},
    ...change,
  });
}

/** More than the follower takes: it pauses, and the rest waits at the leader. */
async function busyDataLink(): Promise<void> {
  const link = dataLink();
  await until(() => link.credit().entries > 0);
  for (const index of [1, 2, 3, 4]) link.send([append(index, 600)]);
  await new Promise((resolve) => setImmediate(resolve));
  link.close();
}

async function closedByTheOtherSide(): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const link = dataLink({
    hello: () => ({ ...hello("data", 65_536), fingerprint: UNWANTED }),
    onLost: () => ended.resolve(),
  });
  await ended.promise;
  link.close();
}

/** A peer whose connection breaks when half of a frame is there. */
async function cutInMidFrame(): Promise<void> {
  const { port } = new URL(peer.url.replace("ws:", "http:"));
  const socket: Socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(
    "GET /v1/peer HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  await new Promise((resolve) => socket.once("data", resolve));
  socket.write(masked(encodeFrame({ kind: "hello", epoch: 1, ...hello("data", 65_536) })));
  await new Promise((resolve) => socket.once("data", resolve));
  const bytes = encodeMessages([append(1, 500)]);
  const whole = masked(encodeFrame({ kind: "append", epoch: 1, bytes }));
  socket.write(whole);
  socket.write(whole.subarray(0, whole.length / 2));
  await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
  await closed;
}

/** A binary frame of less than 64 KiB with a mask of zeros. */
function masked(payload: Uint8Array): Buffer {
  const head = Buffer.from([0x82, 0x80 | 126, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

const WAYS = [controlLink, busyDataLink, closedByTheOtherSide, cutInMidFrame];

async function connectTimes(count: number): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await WAYS[next++ % WAYS.length]?.();
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, one));
  await until(() => peer.sockets.clients.size === 0);
}

/** What the process has, apart from what the runner does meanwhile. */
function resources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  const { Timeout = 0, TCPSocketWrap = 0, TCPServerWrap = 0 } = counts;
  return {
    Timeout,
    TCPSocketWrap,
    TCPServerWrap,
    listeners: peer.sockets.eventNames().length,
    uncaught: process.listenerCount("uncaughtException"),
    exit: process.listenerCount("exit"),
  };
}

/** Less is none of ours: the runner has timers, too. */
function noMoreThan(before: Readonly<Record<string, number>>): boolean {
  return Object.entries(resources()).every(([name, count]) => count <= (before[name] ?? 0));
}

function accounted(): number {
  return Object.values(ledger.read()).reduce((sum, { current }) => sum + current, 0);
}

it("ten thousand links leave nothing behind", async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on("warning", warned);
  await connectTimes(4 * AT_A_TIME);
  await until(() => accounted() === 0);
  const before = resources();
  await connectTimes(CONNECTS);
  expect(peer.links.length).toBeGreaterThanOrEqual(CONNECTS);
  await until(() => noMoreThan(before));
  await until(() => accounted() === 0);
  expect(ledger.read()["receive.worker"]?.peak).toBeGreaterThan(BUDGET_BYTES / 2);
  expect(gates.some((gate) => gate.counts().size > 0)).toBe(true);
  expect(gates.filter((gate) => gate.paused)).toEqual([]);
  expect(budget.links).toBe(0);
  expect(lateDeliveries).toBe(0);
  process.off("warning", warned);
  expect(warnings).toEqual([]);
}, 120_000);

it("neither do links that are refused", async () => {
  const before = resources();
  refusing = true;
  for (let k = 0; k < 200; k++) {
    const link = dataLink();
    await until(() => peer.links.length > k);
    link.close();
  }
  await until(() => peer.sockets.clients.size === 0);
  await until(() => noMoreThan(before));
  expect(accounted()).toBe(0);
}, 30_000);
