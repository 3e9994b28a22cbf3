// Goal: a subscription brings each record once and in order, whatever happens to connections and nodes, holds no more than it may, and
// ends when it is told to. Method: real servers over one log in memory, and some that are none.
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { MemoryService, startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AnnalsClient } from "../src/annalsClient.ts";
import type { StoredRecord } from "../src/types.ts";

let service: MemoryService;
let servers: TestServer[];
let client: AnnalsClient;

beforeEach(async () => {
  service = new MemoryService();
  servers = [await startTestServer({}, service), await startTestServer({}, service)];
  client = new AnnalsClient({ urls: servers.map(({ url }) => url), retryForMs: 10_000 });
});

afterEach(async () => {
  client.close();
  await Promise.all(servers.map((server) => server.close()));
});

async function append(count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, k) => ({
    actor: { id: "ada" },
    action: k % 2 === 0 ? "even" : "odd",
  }));
  await service.append("audit", {
    contentType: "application/json",
    body: Buffer.from(JSON.stringify(records)),
    producer: undefined,
    timeoutMs: 1000,
  });
}

async function take(from: AsyncGenerator<StoredRecord, void>, count: number): Promise<number[]> {
  const seqs: number[] = [];
  while (seqs.length < count) {
    const next = await from.next();
    if (next.done === true) break;
    seqs.push(next.value.seq);
  }
  return seqs;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, k) => from + k);

test("brings what there is, and then what comes, in records of the log", async () => {
  await append(3);
  const records = client.subscribe("audit");
  const first = await records.next();
  expect(first.value).toEqual({
    seq: 1,
    recordedAt: "2026-01-01T00:00:01.000Z",
    actor: { id: "ada" },
    action: "even",
  });
  expect(await take(records, 2)).toEqual([2, 3]);
  const more = take(records, 2);
  await append(2);
  expect(await more).toEqual([4, 5]);
  await records.return();
});

test("begins where it is told, and filters", async () => {
  await append(4);
  const seqs = async (options: Parameters<AnnalsClient["subscribe"]>[1], count: number) => {
    const records = client.subscribe("audit", options);
    const found = await take(records, count);
    await records.return();
    return found;
  };
  expect(await seqs({ from: 3 }, 2)).toEqual([3, 4]);
  expect(await seqs({ action: "odd" }, 2)).toEqual([2, 4]);
  expect(await seqs({ from: "2026-01-01T00:00:00Z", maxRecords: 1 }, 4)).toEqual([1, 2, 3, 4]);
  expect(await seqs({ maxBytes: 1 }, 4)).toEqual([1, 2, 3, 4]);
});

test("from the end on, nothing that came during an outage is missed", async () => {
  await append(3);
  const records = client.subscribe("audit", { from: "end" });
  const first = take(records, 1);
  // The end is fixed once it is found.
  await untilRead(({ format, waitMs }) => format === "none" && waitMs > 0);
  await append(1);
  expect(await first).toEqual([4]);
  const rest = take(records, 2);
  await servers[0]?.close();
  await append(2);
  expect(await rest).toEqual([5, 6]);
  await records.return();
});

/** Waits for a read by some subscription. */
async function untilRead(is: (query: MemoryService["reads"][number]) => boolean): Promise<void> {
  while (!service.reads.some(is)) await new Promise((resolve) => setImmediate(resolve));
}

test("a consumer that takes nothing is sent no more than the window", async () => {
  await append(1000);
  const records = client.subscribe("audit", { maxRecords: 10 });
  expect(await take(records, 1)).toEqual([1]);
  await append(1);
  const pages = service.reads.filter(({ format }) => format === "ndjson");
  const asked = pages.reduce((sum, { limit }) => sum + limit, 0);
  expect(asked).toBe(10);
  expect(await take(records, 500)).toEqual(range(2, 501));
  await records.return();
});

test("any window brings everything, whoever takes it and whenever connections break", async () => {
  await append(100);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 90 }),
      async (maxRecords, maxBytes, breakAt) => {
        const records = client.subscribe("audit", { maxRecords, maxBytes });
        const before = await take(records, breakAt);
        for (const { sockets } of servers) for (const socket of sockets) socket.destroy();
        expect([...before, ...(await take(records, 100 - breakAt))]).toEqual(range(1, 100));
        await records.return();
      },
    ),
    { numRuns: 20 },
  );
});

describe("ends", () => {
  test("with its loop, and the node is told", async () => {
    await append(5);
    for await (const { seq } of client.subscribe("audit")) {
      expect(servers[0]?.sockets.size).toBe(1);
      if (seq === 2) break;
    }
    while (servers.some(({ sockets }) => sockets.size > 0))
      await new Promise((resolve) => setImmediate(resolve));
  });

  test("with its signal, which it does not throw, also while it connects again", async () => {
    const stop = new AbortController();
    const records = client.subscribe("audit", { signal: stop.signal });
    const waiting = records.next();
    await untilRead(({ waitMs }) => waitMs > 0);
    stop.abort();
    expect(await waiting).toMatchObject({ done: true });
    expect(await client.subscribe("audit", { signal: stop.signal }).next()).toMatchObject({
      done: true,
    });
  });

  test("with its client", async () => {
    const waiting = client.subscribe("audit").next();
    await untilRead(({ waitMs }) => waitMs > 0);
    client.close();
    await expect(waiting).rejects.toMatchObject({ code: "ERR_CLIENT_CLOSED" });
  });

  test("with what no repetition mends", async () => {
    await expect(client.subscribe("nolog").next()).rejects.toMatchObject({
      code: "ERR_LOG_NOT_FOUND",
      retryable: false,
    });
    await expect(client.subscribe("audit", { from: "soon" }).next()).rejects.toMatchObject({
      code: "ERR_PARAMETER_INVALID",
    });
    await expect(client.subscribe("audit", { maxRecords: 0 }).next()).rejects.toMatchObject({
      code: "ERR_CLIENT_OPTIONS",
    });
  });

  test("when nobody ever answers", async () => {
    const dead = createServer((socket) => socket.destroy());
    dead.listen(0, "127.0.0.1");
    await once(dead, "listening");
    const { port } = dead.address() as AddressInfo;
    const lonely = new AnnalsClient({ urls: [`http://127.0.0.1:${port}`], retryForMs: 200 });
    await expect(lonely.subscribe("audit").next()).rejects.toMatchObject({
      code: "ERR_CONNECT_FAILED",
      retryable: true,
    });
    lonely.close();
    dead.close();
  });
});
