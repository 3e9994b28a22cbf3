/**
 * Goal: a link that is dialled never waits for a peer that has fallen silent. Method: a data link against a peer that takes the connection
 * and says nothing, or nothing any more.
 */
import { EventEmitter, once } from "node:events";
import { Backoff } from "@annals/flow";
import { MemoryBlobs } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { encodeFrame } from "@annals/wire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { DataLink } from "../src/dataLink.ts";
import { Permits } from "../src/permits.ts";
import type { DataLinkOptions } from "../src/dataLink.ts";
import type { InboundHandler } from "../src/inboundLink.ts";
import type { LinkFault } from "../src/protocol.ts";
import { append, Loopback, WELCOME } from "./loopback.ts";

/** A wait that no test could sit out. */
const HOUR = 3_600_000;
const WAIT = { timeout: 5000, interval: 5 };

let peer: Loopback;
let link: DataLink;
let faults: LinkFault[];

beforeEach(() => {
  faults = [];
});

afterEach(async () => {
  link.close();
  await peer.close();
});

function dial(change: Partial<DataLinkOptions> = {}): DataLink {
  return new DataLink({
    self: asMemberId(1),
    follower: asMemberId(2),
    ...peer.dialling("data"),
    maxQueuedBytes: 1000,
    maxQueuedMessages: 10,
    progressTimeoutMs: 60_000,
    blobs: new MemoryBlobs(),
    blobPermits: new Permits(1),
    onMessages: () => {},
    onLost: (fault) => void faults.push(fault),
    ...change,
  });
}

const quiet = (greeting: InboundHandler["greeting"]): InboundHandler => ({
  greeting,
  onBytes: () => {},
  onClose: () => {},
});

it("a peer that does not answer the hello is dialled anew", async () => {
  peer = await Loopback.start({ handler: () => quiet([]) });
  link = dial({ handshakeTimeoutMs: 50 });
  // On a busy machine an attempt may end before the hello, by the same limit.
  const silent = { code: "ERR_LINK_SILENT", reason: "no welcome for 50 ms" };
  await vi.waitUntil(() => faults.some(({ code }) => code === silent.code), WAIT);
  expect(faults).toContainEqual(silent);
  const dialled = peer.links.length;
  await vi.waitUntil(() => peer.links.length > dialled, WAIT);
});

it("a link whose node has fallen silent is dialled anew at once", async () => {
  peer = await Loopback.start({ handler: () => quiet([WELCOME]) });
  link = dial();
  await vi.waitUntil(() => link.open, WAIT);
  link.peerSilent(0);
  expect(faults).toMatchObject([{ code: "ERR_LINK_SILENT" }]);
  await vi.waitUntil(() => peer.links.length === 2 && link.open, WAIT);
});

it("a link that has heard of its node in the meantime is left alone", async () => {
  peer = await Loopback.start({ handler: () => quiet([WELCOME]) });
  link = dial();
  await vi.waitUntil(() => link.open, WAIT);
  peer.links[0]?.send(encodeFrame({ kind: "grant", entries: 1, bytes: 1 }));
  await vi.waitUntil(() => link.credit().entries === 1, WAIT);
  link.peerSilent(60_000);
  expect([link.open, faults]).toEqual([true, []]);
});

it("a link that waits to be dialled again is dialled when its node is back", async () => {
  let here = false;
  peer = await Loopback.start({
    handler: () => {
      if (here) return quiet([WELCOME]);
      throw new AnnalsError("ERR_LOG_NOT_OPEN", "not yet");
    },
  });
  const backoff = new Backoff({ initialMs: HOUR, maxMs: HOUR, randomBelow: (n) => n - 1 });
  link = dial({ backoff });
  await vi.waitUntil(() => faults.length === 1, WAIT);
  here = true;
  link.peerBack();
  await vi.waitUntil(() => link.open, WAIT);
  link.peerBack();
  expect(peer.links).toHaveLength(2);
});

it("a link that was dialled before its turn is not dialled again in its turn", async () => {
  const waitMs = 200;
  let here = false;
  peer = await Loopback.start({
    handler: () => {
      if (here) return quiet([WELCOME]);
      throw new AnnalsError("ERR_LOG_NOT_OPEN", "not yet");
    },
  });
  const backoff = new Backoff({ initialMs: waitMs, maxMs: waitMs, randomBelow: (n) => n - 1 });
  link = dial({ backoff });
  await vi.waitUntil(() => faults.length === 1, WAIT);
  here = true;
  link.peerBack();
  // Begun later than the wait for the turn, and longer.
  await once(AbortSignal.timeout(2 * waitMs), "abort");
  await vi.waitUntil(() => link.open, WAIT);
  expect([peer.links.length, faults.length]).toEqual([2, 1]);
});

it("a link that was refused while the log was being opened is dialled when its replica answers; no other is", async () => {
  let refusal: `ERR_${string}` | undefined = "ERR_PEER_MISMATCH";
  peer = await Loopback.start({
    handler: () => {
      if (refusal === undefined) return quiet([WELCOME]);
      throw new AnnalsError(refusal, "not yet");
    },
  });
  link = dial({
    backoff: new Backoff({ initialMs: HOUR, maxMs: HOUR, randomBelow: (n) => n - 1 }),
  });
  await vi.waitUntil(() => faults.length === 1, WAIT);
  link.peerServes();
  refusal = "ERR_LOG_NOT_OPEN";
  link.peerBack();
  await vi.waitUntil(() => faults.length === 2, WAIT);
  expect(peer.links).toHaveLength(2);
  refusal = undefined;
  link.peerServes();
  await vi.waitUntil(() => link.open, WAIT);
  link.peerServes();
  expect(peer.links).toHaveLength(3);
});

it("hears at once that a link was closed which was paused", async () => {
  peer = await Loopback.start({ handler: () => quiet([WELCOME]), maxQueueBytes: 1 });
  link = dial();
  await vi.waitUntil(() => link.open, WAIT);
  const [accepted] = peer.links;
  accepted?.send(encodeFrame({ kind: "grant", entries: 10, bytes: 10_000 }));
  link.send([append(1)]);
  await vi.waitUntil(() => accepted?.gate.paused === true, WAIT);
  accepted?.close({ code: "ERR_WORKER_LOST", reason: "its worker ended" });
  // The connection itself ends by the close handshake, for which the paused side has to read.
  await once(peer.connections[0] ?? new EventEmitter(), "end");
  await vi.waitUntil(() => faults.length > 0, WAIT);
  expect(faults).toMatchObject([{ code: "ERR_WORKER_LOST" }]);
});
