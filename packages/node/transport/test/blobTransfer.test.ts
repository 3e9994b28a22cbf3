/**
 * Goal: a blob is on the follower's disk before the entries that name it are sent, and whatever goes wrong with it is told, tried again, and
 * holds up nothing else. Method: a transfer whose follower the test plays; then a data link against a receiver over a real socket.
 */
import { MemoryBlobs } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import type { Message } from "@annals/raft";
import { asSeq, encodeBatch } from "@annals/record";
import { encodeFrame } from "@annals/wire";
import type { BlobAnswer, BlobChunkFrame, BlobOfferFrame } from "@annals/wire";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BlobTransfer } from "../src/blobTransfer.ts";
import { DataLink } from "../src/dataLink.ts";
import { Permits } from "../src/permits.ts";
import { Receiver } from "../src/receiver.ts";
import type { LinkFault } from "../src/protocol.ts";
import { append, ENDS, Loopback, WELCOME } from "./loopback.ts";

const WAIT = { timeout: 5000, interval: 5 };
const BYTES = Uint8Array.from({ length: 1000 }, (_, k) => k % 251);

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("a transfer", () => {
  function start(files: MemoryBlobs, digest: string, permits = new Permits(1)) {
    const sent: (BlobOfferFrame | BlobChunkFrame)[] = [];
    const room = { chunks: 1000 };
    const transfer = new BlobTransfer({
      digest,
      files,
      permits,
      epoch: 7,
      send: (frame) => {
        sent.push(frame);
        if (frame.kind === "blobChunk") room.chunks--;
      },
      hasRoom: () => room.chunks > 0,
    });
    return { transfer, sent, room };
  }

  it("offers, sends the chunks that are wanted, and ends when the follower has it", async () => {
    const files = new MemoryBlobs(300);
    const { transfer, sent } = start(files, files.add(BYTES));
    await turns();
    expect(sent).toEqual([
      { kind: "blobOffer", epoch: 7, digest: transfer.digest, bytes: BYTES.length },
    ]);
    transfer.answer("want");
    await turns();
    const chunks = sent.slice(1).flatMap((one) => (one.kind === "blobChunk" ? [one] : []));
    expect(chunks.map(({ last }) => last)).toEqual([false, false, false, true]);
    expect(Buffer.concat(chunks.map(({ bytes }) => bytes))).toEqual(Buffer.from(BYTES));
    transfer.answer("have");
    expect(await transfer.ended).toBe("held");
  });

  it("sends nothing to whoever has it, and one empty chunk of an empty blob", async () => {
    const files = new MemoryBlobs();
    const known = start(files, files.add(BYTES));
    await turns();
    known.transfer.answer("have");
    expect(await known.transfer.ended).toBe("held");
    expect(known.sent).toHaveLength(1);
    const empty = start(files, files.add(new Uint8Array(0)));
    await turns();
    empty.transfer.answer("want");
    await turns();
    expect(empty.sent[1]).toMatchObject({ kind: "blobChunk", last: true });
    empty.transfer.answer("have");
    expect(await empty.transfer.ended).toBe("held");
  });

  it("waits for room, a chunk at a time", async () => {
    const files = new MemoryBlobs(100);
    const { transfer, sent, room } = start(files, files.add(BYTES));
    room.chunks = 0;
    await turns();
    transfer.answer("want");
    for (const expected of [1, 2, 3]) {
      room.chunks = 1;
      transfer.wake();
      await turns();
      expect(sent).toHaveLength(1 + expected);
    }
    transfer.cancel();
    expect(await transfer.ended).toBe("cut");
  });

  it("stops when the follower cannot save it, and tells an absent file from that", async () => {
    const files = new MemoryBlobs(100);
    const { transfer, room } = start(files, files.add(BYTES));
    room.chunks = 2;
    await turns();
    transfer.answer("want");
    await turns();
    transfer.answer("failed");
    expect(await transfer.ended).toBe("failed");
    expect(await start(files, "00".repeat(32)).transfer.ended).toBe("gone");
  });

  it("waits for a permit, and gives it back however it ends", async () => {
    const files = new MemoryBlobs();
    const digest = files.add(BYTES);
    const permits = new Permits(1);
    const first = start(files, digest, permits);
    const second = start(files, digest, permits);
    await turns();
    expect([first.transfer.begun, second.transfer.begun]).toEqual([true, false]);
    first.transfer.cancel();
    await turns();
    expect(second.transfer.begun).toBe(true);
    second.transfer.cancel();
    await second.transfer.ended;
    expect(permits.running).toBe(0);
  });
});

/** Entry `index`, one record that names these blobs. */
function naming(index: number, blobs: readonly string[] = []): Message {
  const header = {
    firstSeq: asSeq(index),
    count: 1,
    recordedAt: 0,
    requests: [{ count: 1, producer: undefined }],
    blobs,
  };
  const data = encodeBatch(header, [Uint8Array.of(index)]);
  const message = append(index);
  if (message.kind !== "appendEntries") return message;
  return { ...message, entries: message.entries.map((entry) => ({ ...entry, data })) };
}

describe("over a link", () => {
  const leader = new MemoryBlobs(100);
  const first = leader.add(BYTES);
  const second = leader.add(BYTES.subarray(1));
  let follower: MemoryBlobs;
  let peer: Loopback;
  /** Entries in the order in which they came, each with the blobs that were there then. */
  let arrived: string[];
  let faults: LinkFault[];
  let link: DataLink;

  beforeEach(async () => {
    [follower, arrived, faults] = [new MemoryBlobs(), [], []];
    peer = await Loopback.start({
      handler: (accepted) => {
        // Its first grant goes out behind the greeting.
        let receiver: Receiver | undefined;
        queueMicrotask(() => {
          receiver = receiverOf((bytes) => accepted.send(bytes));
        });
        return {
          greeting: [WELCOME],
          onBytes: (bytes) => {
            receiver?.onFrame(bytes);
            accepted.release(bytes.length);
          },
          onClose: () => receiver?.close(),
        };
      },
    });
    link = dial();
    await vi.waitUntil(() => link.open, WAIT);
  });

  afterEach(async () => {
    link.close();
    await peer.close();
  });

  function receiverOf(send: (bytes: Uint8Array) => void): Receiver {
    return new Receiver({
      ends: ENDS,
      limits: {
        eventHighWaterMark: 10,
        maxQueueBytes: 500,
        maxCommitBacklog: 10,
        yieldAfterMs: 10,
      },
      blobs: {
        files: follower,
        maxBlobBytes: 10_000,
        sendAnswer: (digest: string, answer: BlobAnswer) =>
          send(encodeFrame({ kind: "blobAnswer", digest, answer })),
        onSaved: () => {},
        onNotSaved: () => {},
      },
      deliver: (messages, receipt) => {
        for (const message of messages) {
          if (message.kind !== "appendEntries") continue;
          for (const { index } of message.entries)
            arrived.push(`${index} with ${follower.saved.size}`);
        }
        receipt.stepped();
        receipt.durable();
      },
      sendGrant: (credit) => send(encodeFrame({ kind: "grant", ...credit })),
      onReleased: () => {},
      onFault: ({ code, message }) => void faults.push({ code, reason: message }),
      now: () => performance.now(),
    });
  }

  function dial(): DataLink {
    return new DataLink({
      self: asMemberId(1),
      follower: asMemberId(2),
      ...peer.dialling("data"),
      maxQueuedBytes: 1024 * 1024,
      maxQueuedMessages: 100,
      progressTimeoutMs: 60_000,
      blobs: leader,
      blobPermits: new Permits(1),
      onMessages: () => {},
      onLost: (fault) => void faults.push(fault),
    });
  }

  it("blobs are there when the entries that name them come, in the order of the entries", async () => {
    link.send([naming(1), naming(2, [first]), naming(3), naming(4, [first, second]), naming(5)]);
    await vi.waitUntil(() => arrived.length === 5, WAIT);
    expect(arrived).toEqual(["1 with 0", "2 with 1", "3 with 1", "4 with 2", "5 with 2"]);
    expect(faults).toEqual([]);
  });

  it("a blob that cannot be saved loses its entries, which are tried again later", async () => {
    follower.failing = true;
    link.send([naming(1), naming(2, [first])]);
    await vi.waitUntil(() => faults.length > 0, WAIT);
    expect(faults[0]?.code).toBe("ERR_BLOB_NOT_SAVED");
    expect(arrived).toEqual(["1 with 0"]);
    follower.failing = false;
    // As Raft does: again and again until it is acknowledged.
    await vi.waitUntil(() => {
      if (arrived.length < 2 && link.queuedBytes === 0) link.send([naming(2, [first])]);
      return arrived.length === 2;
    }, WAIT);
    expect(arrived[1]).toBe("2 with 1");
  });

  it("is tried again after a wait that doubles, and that begins anew once a blob was taken", async () => {
    let aheadMs = 0;
    // Moved by the test alone: whatever it does takes no time.
    const now = vi.spyOn(performance, "now").mockImplementation(() => 1_000_000 + aheadMs);
    try {
      let index = 1;
      /** Sends entries that name a blob; resolves with whether they arrived. */
      const attempt = async (digest: string, taken: boolean): Promise<boolean> => {
        follower.failing = !taken;
        const [before, lost] = [arrived.length, faults.length];
        link.send([naming(index, [digest])]);
        await vi.waitUntil(() => arrived.length > before || faults.length > lost, WAIT);
        const isHere = arrived.length > before;
        if (isHere) index++;
        return isHere;
      };
      const after = (ms: number): number => (aheadMs += ms);
      expect(await attempt(first, false)).toBe(false);
      for (const waitMs of [200, 400, 800]) {
        after(waitMs - 1);
        expect(await attempt(first, true)).toBe(false);
        after(1);
        expect(await attempt(first, false)).toBe(false);
      }
      after(1600);
      expect(await attempt(first, true)).toBe(true);
      expect(await attempt(second, false)).toBe(false);
      after(200);
      expect(await attempt(second, true)).toBe(true);
    } finally {
      now.mockRestore();
    }
  });

  it("a blob that the leader has lost is told by its own name", async () => {
    link.send([naming(1, ["00".repeat(32)])]);
    await vi.waitUntil(() => faults.length > 0, WAIT);
    expect(faults[0]?.code).toBe("ERR_BLOB_GONE");
  });

  it("a link that drops in the middle of a blob begins it anew", async () => {
    follower.slow = true;
    link.send([naming(1, [first])]);
    await vi.waitUntil(() => follower.waiting > 0, WAIT);
    for (const socket of peer.sockets.clients) socket.terminate();
    await vi.waitUntil(() => follower.open === 0 && peer.links.length === 2 && link.open, WAIT);
    follower.slow = false;
    link.send([naming(1, [first])]);
    await vi.waitUntil(() => arrived.length === 1, WAIT);
    expect(arrived).toEqual(["1 with 1"]);
  });
});
