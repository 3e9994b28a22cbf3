/**
 * Goal: a leader sends within its follower's credit, loses nothing silently, and dials again when it has to. Method: a data link against an
 * accepting link on a real loopback socket, whose handler the test plays.
 */
import { Ledger } from "@annals/flow";
import { MemoryBlobs } from "@annals/kit";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { MemberId, Message } from "@annals/raft";
import { decodeFrame, decodeMessages, encodeFrame, encodeMessages } from "@annals/wire";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DataLink } from "../src/dataLink.ts";
import { Permits } from "../src/permits.ts";
import type { LinkFault } from "../src/protocol.ts";
import { append, Loopback, WELCOME } from "./loopback.ts";

const WAIT = { timeout: 5000, interval: 5 };
const MAX_MESSAGE_BYTES = 256 * 1024;

let peer: Loopback;
let received: number[];
let faults: LinkFault[];
let link: DataLink | undefined;

beforeEach(async () => {
  [received, faults] = [[], []];
  peer = await Loopback.start({
    maxMessageBytes: MAX_MESSAGE_BYTES,
    handler: (accepted) => ({
      greeting: [WELCOME],
      onBytes: (bytes) => {
        const frame = decodeFrame(bytes);
        if (frame.kind === "append") received.push(...indexes(decodeMessages(frame.bytes)));
        accepted.release(bytes.length);
      },
      onClose: () => {},
    }),
  });
});

afterEach(async () => {
  link?.close();
  await peer.close();
});

function indexes(messages: readonly Message[]): number[] {
  return messages.flatMap((message) =>
    message.kind === "appendEntries" ? message.entries.map((entry) => entry.index) : [],
  );
}

function dial(
  options: {
    maxQueuedBytes?: number;
    ledger?: Ledger;
    onMessages?: (messages: readonly Message[]) => void;
    follower?: MemberId;
  } = {},
): DataLink {
  link = new DataLink({
    self: asMemberId(1),
    follower: options.follower ?? asMemberId(2),
    ...peer.dialling("data"),
    ledger: options.ledger ?? new Ledger(),
    maxQueuedBytes: options.maxQueuedBytes ?? 1024 * 1024,
    maxQueuedMessages: 100,
    progressTimeoutMs: 60_000,
    blobs: new MemoryBlobs(),
    blobPermits: new Permits(1),
    onMessages: options.onMessages ?? (() => {}),
    onLost: (fault) => void faults.push(fault),
  });
  return link;
}

function grant(entries: number, bytes: number): void {
  peer.links.at(-1)?.send(encodeFrame({ kind: "grant", entries, bytes }));
}

async function untilOpen(data: DataLink): Promise<void> {
  await vi.waitUntil(() => data.open, WAIT);
}

describe("a data link", () => {
  it("sends nothing without credit, and no more than it is granted plus one item", async () => {
    const data = dial();
    data.send([append(1), append(2, 200_000), append(3, 200_000)]);
    await untilOpen(data);
    expect(received).toEqual([]);
    grant(1, 1);
    await vi.waitUntil(() => received.length > 0, WAIT);
    expect(received).toEqual([1]);
    expect(data.credit().bytes).toBeLessThanOrEqual(0);
    grant(10, 10_000_000);
    await vi.waitUntil(() => received.length === 3, WAIT);
    expect(received).toEqual([1, 2, 3]);
    expect(data.queuedBytes).toBe(0);
  });

  it("puts what waits into one frame as far as it fits", async () => {
    const frames: number[] = [];
    const data = dial();
    await untilOpen(data);
    peer.sockets.clients.forEach((socket) =>
      socket.on("message", (bytes: Buffer) => void frames.push(bytes.length)),
    );
    data.send([1, 2, 3, 4].map((index) => append(index, 60_000)));
    grant(100, 10_000_000);
    await vi.waitUntil(() => received.length === 4, WAIT);
    expect(frames.length).toBe(2);
    for (const bytes of frames) expect(bytes).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
  });

  it("gives up what waits beyond its cap and says so, instead of growing", async () => {
    const data = dial({ maxQueuedBytes: 1 });
    await untilOpen(data);
    data.send([append(1, 100)]);
    expect(faults).toMatchObject([{ code: "ERR_LINK_CONGESTED" }]);
    expect(data.queuedBytes).toBe(0);
  });

  it("holds one item beyond its cap also when a turn sends many, and says once what it gave up", async () => {
    const ledger = new Ledger();
    const data = dial({ maxQueuedBytes: 1000, ledger });
    await untilOpen(data);
    data.send(Array.from({ length: 20 }, (_, k) => append(k + 1, 400)));
    expect(faults).toMatchObject([{ code: "ERR_LINK_CONGESTED" }]);
    const largest = ledger.read()["send.queue"]?.largest ?? 0;
    expect(largest).toBeGreaterThan(1000);
    expect(largest).toBeLessThan(1000 + 500);
    expect(data.queuedBytes).toBe(0);
  });

  it("a peer that reads nothing costs the cap of its socket and of its queue, and one item each", async () => {
    const ledger = new Ledger();
    const data = dial({ ledger });
    await untilOpen(data);
    grant(10_000, 1 << 30);
    await vi.waitUntil(() => data.credit().entries === 10_000, WAIT);
    const itemBytes = 100_000;
    peer.connections[0]?.pause();
    for (let index = 1; faults.length === 0; index++) {
      data.send([append(index, itemBytes)]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(faults).toMatchObject([{ code: "ERR_LINK_CONGESTED" }]);
    const { "send.queue": queue, "send.socket": socket } = ledger.read();
    expect(queue?.largest).toBeGreaterThan(1024 * 1024);
    expect(queue?.largest).toBeLessThanOrEqual(1024 * 1024 + itemBytes);
    expect(socket?.largest).toBeGreaterThan(MAX_MESSAGE_BYTES);
    expect(socket?.largest).toBeLessThanOrEqual(2 * MAX_MESSAGE_BYTES);
    data.close();
    expect([ledger.family("send.queue").read(), ledger.family("send.socket").read()]).toMatchObject(
      [{ current: 0 }, { current: 0 }],
    );
  });

  it("dials anew after a drop, with a fresh credit", async () => {
    const data = dial();
    await untilOpen(data);
    grant(100, 10_000_000);
    await vi.waitUntil(() => data.credit().entries === 100, WAIT);
    peer.links[0]?.close({ code: "ERR_WORKER_LOST", reason: "the worker is gone" });
    await vi.waitUntil(() => peer.links.length === 2 && data.open, WAIT);
    expect(faults).toMatchObject([{ code: "ERR_WORKER_LOST" }]);
    expect(data.credit()).toEqual({ entries: 0, bytes: 0 });
  });

  it("dials anew when the follower has said what no follower says, by that name", async () => {
    const data = dial();
    await vi.waitUntil(() => data.open, WAIT);
    data.cut({ code: "ERR_PEER_MESSAGE", reason: "an acknowledgement of nothing" });
    expect(data.open).toBe(false);
    expect(faults.map(({ code }) => code)).toEqual(["ERR_PEER_MESSAGE"]);
    await vi.waitUntil(() => data.open && peer.links.length === 2, WAIT);
  });

  it("hands on the acks that come back", async () => {
    const acks: Message[] = [];
    const data = dial({ onMessages: (messages) => void acks.push(...messages) });
    await untilOpen(data);
    const ack: Message = {
      kind: "appendEntriesResponse",
      from: asMemberId(2),
      to: asMemberId(1),
      term: asTerm(1),
      index: asIndex(1),
      rejected: false,
      hintIndex: asIndex(0),
      hintTerm: asTerm(0),
    };
    peer.links[0]?.send(encodeFrame({ kind: "response", epoch: 1, bytes: encodeMessages([ack]) }));
    await vi.waitUntil(() => acks.length > 0, WAIT);
    expect(acks).toEqual([ack]);
  });

  it("leaves no connection behind when it closes", async () => {
    const data = dial();
    await untilOpen(data);
    data.close();
    await vi.waitUntil(() => peer.sockets.clients.size === 0, WAIT);
    expect(peer.links).toHaveLength(1);
  });
});

describe("what the follower may not send ends the link by name", () => {
  const ack = (from: number, to: number): Message => ({
    kind: "appendEntriesResponse",
    from: asMemberId(from),
    to: asMemberId(to),
    term: asTerm(1),
    index: asIndex(9),
    rejected: false,
    hintIndex: asIndex(0),
    hintTerm: asTerm(0),
  });
  const response = (message: Message): Uint8Array =>
    encodeFrame({ kind: "response", epoch: 1, bytes: encodeMessages([message]) });
  it.each<[string, Uint8Array, string]>([
    ["an acknowledgement in another name", response(ack(3, 1)), "ERR_PEER_MESSAGE"],
    ["an acknowledgement for another leader", response(ack(2, 3)), "ERR_PEER_MESSAGE"],
    [
      "a message that travels elsewhere",
      response({ ...append(1), from: asMemberId(2), to: asMemberId(1) }),
      "ERR_PEER_MESSAGE",
    ],
    [
      "a frame that travels the other way",
      encodeFrame({ kind: "append", epoch: 1, bytes: encodeMessages([append(1)]) }),
      "ERR_FRAME_UNEXPECTED",
    ],
  ])("%s", async (_what, bytes, code) => {
    const taken: Message[] = [];
    const data = dial({ onMessages: (messages) => void taken.push(...messages) });
    await untilOpen(data);
    peer.links.at(-1)?.send(bytes);
    await vi.waitUntil(() => faults.length > 0, WAIT);
    expect(faults[0]?.code).toBe(code);
    expect(taken).toEqual([]);
  });

  it("the node's other member: nothing is streamed to a disk that is another one", async () => {
    const data = dial({ follower: asMemberId(9) });
    await vi.waitUntil(() => faults.length > 0, WAIT);
    expect(faults[0]?.code).toBe("ERR_PEER_MISMATCH");
    expect(data.open).toBe(false);
  });
});
