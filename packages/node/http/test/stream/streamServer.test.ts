// Goal: the client stream delivers each record once and in order, takes appends, and costs no more than its caps whatever a client does.
// Method: a real server over a node in memory, and clients that keep to the protocol, or do not.
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { MovableBody } from "@annals/channel";
import { STREAM_SUBSCRIPTIONS_MAX } from "@annals/config";
import { MemoryService, startTestServer, until } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { Ledger } from "@annals/flow";
import { encodeRecord } from "@annals/wire";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { NodeService } from "../../src/service.ts";
import { bodyOf, recordsOf, TestStream } from "./testStream.ts";

const open: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

type Options = Parameters<typeof startTestServer>[0];

async function start(options: Options = {}, service = new MemoryService()): Promise<TestServer> {
  const server = await startTestServer(options, service);
  open.push(() => server.close());
  return server;
}

async function connect(server: TestServer, protocol?: TestStream["protocol"]): Promise<TestStream> {
  const stream = await TestStream.open(server.url, protocol);
  open.push(() => stream.close());
  return stream;
}

async function append(server: TestServer, body: string): Promise<void> {
  await server.service.append("audit", {
    contentType: "application/x-ndjson",
    body: Buffer.from(body),
    producer: undefined,
    timeoutMs: 1000,
  });
}

describe("subscriptions", () => {
  test("bring what there is, say that it is all, then what comes", async () => {
    const server = await start();
    await append(server, bodyOf(3));
    const stream = await connect(server);
    stream.send({ kind: "subscribe", id: 1, log: "audit", records: 100 });
    const { head, body } = await stream.next("records");
    expect(head).toEqual({ kind: "records", id: 1, from: 1, to: 3, count: 3 });
    expect(recordsOf(body).map(({ action }) => action)).toEqual(["a1", "a2", "a3"]);
    expect((await stream.next("caughtUp")).head).toEqual({ kind: "caughtUp", id: 1, seq: 3 });
    await append(server, bodyOf(1, 4));
    expect((await stream.next("records")).head).toMatchObject({ from: 4, to: 4 });
  });

  test("begin at a seq, at the end or at a time, and filter", async () => {
    const server = await start();
    await append(server, bodyOf(3));
    await append(server, bodyOf(3, 4));
    const stream = await connect(server);
    const subscribe = { kind: "subscribe", log: "audit", records: 100 };
    stream.send({ ...subscribe, id: 1, from: 5 });
    expect((await stream.next("records")).head).toMatchObject({ id: 1, from: 5, to: 6 });
    stream.send({ ...subscribe, id: 2, from: "2026-01-01T00:00:02Z", action: "a6" });
    const { head, body } = await stream.next("records");
    expect(head).toMatchObject({ id: 2, to: 6, count: 1 });
    expect(recordsOf(body)).toMatchObject([{ seq: 6 }]);
    await until(() => (stream.received.length === 2 ? true : undefined));
    stream.received.length = 0;
    stream.send({ kind: "unsubscribe", id: 1 });
    stream.send({ kind: "unsubscribe", id: 2 });
    stream.send({ ...subscribe, id: 3, from: "end" });
    expect((await stream.next("caughtUp")).head).toMatchObject({ id: 3, seq: 6 });
    await append(server, bodyOf(1, 7));
    expect((await stream.next("records")).head).toMatchObject({ id: 3, from: 7, to: 7 });
    expect(stream.received).toEqual([]);
  });

  test("in msgpack, records are one map after the other", async () => {
    const server = await start();
    await append(server, bodyOf(2));
    const stream = await connect(server, "annals.v1.msgpack");
    stream.send({ kind: "subscribe", id: 1, log: "audit", records: 1 });
    const { body } = await stream.next("records");
    const place = { seq: 1, recordedAt: "2026-01-01T00:00:01.000Z" };
    const record = { ...place, actor: { id: "alice" }, action: "a1", data: { data: "" } };
    expect(body).toEqual(Buffer.from(encodeRecord(record)));
  });

  test("read nothing without credit, and no more than it", async () => {
    const server = await start();
    await append(server, bodyOf(10));
    const stream = await connect(server);
    stream.send({ kind: "subscribe", id: 1, log: "audit" });
    stream.send({ kind: "append", id: 9, log: "audit" }, '{"actor":{"id":"a"},"action":"x"}');
    await stream.next("appended");
    expect(server.service.reads).toEqual([]);
    stream.send({ kind: "credit", id: 1, records: 4 });
    expect((await stream.next("records")).head).toMatchObject({ from: 1, to: 4 });
    stream.send({ kind: "credit", id: 1, records: 3 });
    expect((await stream.next("records")).head).toMatchObject({ from: 5, to: 7 });
    expect(server.service.reads.map(({ limit }) => limit)).toEqual([4, 3]);
  });

  test("one record passes a credit of bytes, and no second one", async () => {
    const server = await start();
    await append(server, bodyOf(10));
    const stream = await connect(server);
    stream.send({ kind: "subscribe", id: 1, log: "audit", records: 10, bytes: 1 });
    expect((await stream.next("records")).head).toMatchObject({ from: 1, to: 1 });
    stream.send({ kind: "credit", id: 1, records: 0, bytes: 10_000 });
    expect((await stream.next("records")).head).toMatchObject({ from: 2, to: 10 });
  });

  test("wait for acknowledgements at maxUnacked", async () => {
    const subscribe = {
      maxStreams: 8,
      maxUnacked: 4,
      maxBufferedBytes: 65_536,
      maxHeldBytes: 65_536,
    };
    const server = await start({ subscribe });
    await append(server, bodyOf(10));
    const stream = await connect(server);
    stream.send({ kind: "subscribe", id: 1, log: "audit", records: 100 });
    expect((await stream.next("records")).head).toMatchObject({ from: 1, to: 2 });
    expect((await stream.next("records")).head).toMatchObject({ from: 3, to: 4 });
    stream.send({ kind: "ack", id: 1, seq: 1 });
    expect((await stream.next("records")).head).toMatchObject({ from: 5, to: 5 });
    stream.send({ kind: "ack", id: 1, seq: 1000 });
    expect((await stream.next("records")).head).toMatchObject({ from: 6, to: 7 });
    expect((await stream.next("records")).head).toMatchObject({ from: 8, to: 9 });
  });

  test("end with the problem that a read has, and the stream lives on", async () => {
    const stream = await connect(await start());
    stream.send({ kind: "subscribe", id: 7, log: "nolog", records: 1 });
    expect(await stream.refusal()).toMatchObject({ id: 7, code: "ERR_LOG_NOT_FOUND" });
    stream.send({ kind: "subscribe", id: 7, log: "audit", records: 1 });
    await stream.next("caughtUp");
  });

  test("no more subscriptions than the cap", async () => {
    const stream = await connect(await start());
    for (let id = 1; id <= STREAM_SUBSCRIPTIONS_MAX + 1; id++)
      stream.send({ kind: "subscribe", id, log: "audit" });
    const last = STREAM_SUBSCRIPTIONS_MAX + 1;
    expect(await stream.refusal()).toMatchObject({ id: last, code: "ERR_OVERLOADED" });
    stream.send({ kind: "unsubscribe", id: 1 });
    stream.send({ kind: "subscribe", id: last, log: "audit", records: 1 });
    await stream.next("caughtUp");
  });
});

describe("appends", () => {
  test("are answered with their seqs, or with a problem of their own", async () => {
    const { service, ...server } = await start();
    const stream = await connect({ service, ...server });
    const head = { kind: "append", log: "audit", producer: "p;epoch=1;sequence=1" };
    stream.send({ ...head, id: 1, format: "ndjson", timeout: "5s" }, bodyOf(2));
    const appended = { firstSeq: 1, lastSeq: 2, count: 2, duplicate: false };
    expect((await stream.next("appended")).head).toMatchObject({ id: 1, ...appended });
    expect(service.appends).toMatchObject([
      { producer: { id: "p", epoch: 1, sequence: 1 }, timeoutMs: 5000 },
    ]);
    stream.send({ ...head, id: 2, format: "ndjson" }, bodyOf(2));
    expect((await stream.next("appended")).head).toMatchObject({ id: 2, duplicate: true });
    stream.send({ kind: "append", id: 3, log: "audit" });
    expect(await stream.refusal()).toMatchObject({ id: 3, code: "ERR_BODY_EMPTY" });
    stream.send({ kind: "append", id: 4, log: "audit" }, "{}");
    expect(await stream.refusal()).toMatchObject({ id: 4, code: "ERR_RECORD_FIELD_MISSING" });
  });

  test("in msgpack", async () => {
    const server = await start();
    const stream = await connect(server, "annals.v1.msgpack");
    const body = encodeRecord({ actor: { id: "a" }, action: "x" });
    stream.send({ kind: "append", id: 1, log: "audit" }, body);
    expect((await stream.next("appended")).head).toMatchObject({ id: 1, firstSeq: 1 });
    expect(server.service.appends).toMatchObject([{ contentType: "application/msgpack" }]);
  });

  test("go to the leader, with its answer or its refusal", async () => {
    const leader = await start({ node: "b", address: "127.0.0.1:7" });
    const service = new MemoryService();
    service.target = () => ({ kind: "remote", node: "b", address: leader.address });
    const stream = await connect(await start({}, service));
    stream.send({ kind: "append", id: 1, log: "audit" }, '{"actor":{"id":"a"},"action":"x"}');
    const { head } = await stream.next("appended");
    expect(head).toMatchObject({ id: 1, lastSeq: 1, leader: leader.address });
    stream.send({ kind: "append", id: 2, log: "audit" }, "{}");
    expect(await stream.refusal()).toMatchObject({ id: 2, code: "ERR_RECORD_FIELD_MISSING" });
    expect(service.appends).toEqual([]);
  });

  test("beyond the credit end the stream", async () => {
    const server = await start();
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>();
    server.service.beforeAppend = () => gate;
    const stream = await connect(server);
    const body = JSON.stringify({
      actor: { id: "a" },
      action: "x",
      data: { pad: "p".repeat(40_000) },
    });
    stream.send({ kind: "append", id: 1, log: "audit" }, body);
    stream.send({ kind: "append", id: 2, log: "audit" }, body);
    expect(await stream.refusal()).toMatchObject({ code: "ERR_STREAM_CREDIT" });
    expect(await stream.untilClosed()).toEqual({ code: 4002, reason: "ERR_STREAM_CREDIT" });
    openGate();
    expect(server.service.appends).toHaveLength(1);
  });

  test("give their credit back with the answer, also when the body has moved to its worker", async () => {
    const { service, ...server } = await start();
    const append = service.append.bind(service);
    const port: NodeService = service;
    port.append = async (log, request) => {
      const { buffer } = request.body.bytes;
      const reply = await append(log, { ...request, body: MovableBody.own(request.body.copy()) });
      request.body.move();
      if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
      expect(buffer.byteLength).toBe(0);
      return reply;
    };
    const stream = await connect({ service, ...server });
    const body = bodyOf(1, 1, "p".repeat(40_000));
    for (let id = 1; id <= 4; id++) {
      stream.send({ kind: "append", id, log: "audit", format: "ndjson" }, body);
      expect((await stream.next("appended")).head).toMatchObject({ id, lastSeq: id });
    }
  });

  test("a large message counts as a request's body as it comes in, and is refused when there is no room", async () => {
    const ledger = new Ledger();
    const limits = { maxBytes: 256 * 1024, maxDecodedBytes: 256 * 1024, maxRatio: 50 };
    const server = await start({ ledger, body: limits, maxNodeBytes: 1024, maxLogBytes: 1024 });
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>();
    server.service.beforeAppend = () => gate;
    const [first, second] = [await connect(server), await connect(server)];
    const body = JSON.stringify({
      actor: { id: "a" },
      action: "x",
      data: { pad: "p".repeat(200_000) },
    });
    first.send({ kind: "append", id: 1, log: "audit" }, body);
    await until(() => (server.service.appends.length === 1 ? true : undefined));
    second.send({ kind: "append", id: 1, log: "audit" }, body);
    expect(await second.untilClosed()).toEqual({ code: 1013, reason: "ERR_NODE_OVERLOADED" });
    openGate();
    await first.next("appended");
    expect(ledger.family("requests").read().current).toBe(0);
  });
});

describe("what is no message of the protocol", () => {
  const malformed: readonly (readonly [string, string])[] = [
    ["no head", "hello"],
    ["no kind", '{"id":1}'],
    ["an unknown kind", '{"kind":"destroy","id":1}'],
    ["no id", '{"kind":"ack","seq":1}'],
    ["an id of zero", '{"kind":"ack","id":0,"seq":1}'],
    ["nesting", '{"kind":"ack","id":{}}'],
    ["a long head", `{"kind":"ack","id":1,"log":"${"x".repeat(5000)}"}`],
  ];

  test.each(malformed)("%s: ends the stream", async (_what, text) => {
    const stream = await connect(await start());
    stream.socket.send(text);
    expect(await stream.refusal()).toMatchObject({ code: "ERR_STREAM_MALFORMED" });
    expect(await stream.untilClosed()).toEqual({ code: 4002, reason: "ERR_STREAM_MALFORMED" });
  });

  test("a binary message where texts are spoken, and the other way round", async () => {
    const server = await start();
    const [json, msgpack] = [await connect(server), await connect(server, "annals.v1.msgpack")];
    json.socket.send(Buffer.from('{"kind":"ack","id":1,"seq":1}'), { binary: true });
    expect(await json.refusal()).toMatchObject({ code: "ERR_STREAM_MALFORMED" });
    msgpack.socket.send("\x80", { binary: false });
    expect(await msgpack.refusal()).toMatchObject({ code: "ERR_STREAM_MALFORMED" });
  });

  test("a message that is larger than the largest", async () => {
    const stream = await connect(await start());
    stream.send({ kind: "append", id: 1, log: "audit" }, "x".repeat(80_000));
    expect(await stream.untilClosed()).toMatchObject({ code: 1009 });
  });

  test("a subscription twice", async () => {
    const stream = await connect(await start());
    stream.send({ kind: "subscribe", id: 1, log: "audit" });
    stream.send({ kind: "subscribe", id: 1, log: "audit" });
    expect(await stream.refusal()).toMatchObject({ code: "ERR_STREAM_MALFORMED" });
  });

  const refused: readonly (readonly [Readonly<Record<string, string | number>>, string])[] = [
    [{ kind: "subscribe" }, "ERR_PARAMETER_INVALID"],
    [{ kind: "subscribe", log: "audit", colour: "red" }, "ERR_PARAMETER_UNKNOWN"],
    [{ kind: "subscribe", log: "audit", from: 0 }, "ERR_PARAMETER_INVALID"],
    [{ kind: "subscribe", log: "audit", from: "yesterday" }, "ERR_PARAMETER_INVALID"],
    [{ kind: "subscribe", log: "audit", action: "a*b" }, "ERR_PARAMETER_INVALID"],
    [{ kind: "subscribe", log: "audit", records: "many" }, "ERR_PARAMETER_INVALID"],
    [{ kind: "subscribe", log: "audit", records: 2 ** 41 }, "ERR_PARAMETER_INVALID"],
    [{ kind: "append", log: "audit", format: "xml" }, "ERR_PARAMETER_INVALID"],
    [{ kind: "append", log: "audit", producer: "p" }, "ERR_HEADER_INVALID"],
    [{ kind: "append", log: "audit", timeout: "5" }, "ERR_HEADER_INVALID"],
    [{ kind: "credit" }, "ERR_PARAMETER_INVALID"],
    [{ kind: "ack" }, "ERR_PARAMETER_INVALID"],
    [{ kind: "unsubscribe", why: "bored" }, "ERR_PARAMETER_UNKNOWN"],
  ];

  test("a head that asks for what cannot be is refused alone", async () => {
    const stream = await connect(await start());
    for (const [at, [head, code]] of refused.entries()) {
      stream.send({ id: at + 1, ...head }, "{}");
      expect([head, (await stream.refusal()).code]).toEqual([head, code]);
    }
    expect(stream.closed).toBeUndefined();
  });
});

describe("connections", () => {
  async function upgrade(url: string, headers: Record<string, string>): Promise<[number, string]> {
    const request = httpRequest(`${url}/v1/stream`, {
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "x3JJHMbDL1EzLkh9GBhXDw==",
        ...headers,
      },
    });
    request.end();
    const [response] = await once(request, "response");
    let text = "";
    for await (const part of response) text += String(part);
    return [response.statusCode, (JSON.parse(text) as { code: string }).code];
  }

  test("need a subprotocol, and no page of another origin", async () => {
    const { url } = await start();
    expect(await upgrade(url, {})).toEqual([426, "ERR_STREAM_UPGRADE"]);
    const protocol = { "sec-websocket-protocol": "annals.v1.json" };
    expect(await upgrade(url, { ...protocol, origin: "http://evil.example" })).toEqual([
      403,
      "ERR_ORIGIN_FORBIDDEN",
    ]);
    expect((await fetch(`${url}/v1/stream`)).status).toBe(426);
  });

  test("no more streams than the cap", async () => {
    const server = await start();
    const sockets = Array.from(
      { length: 8 },
      () => new WebSocket(`${server.url.replace("http", "ws")}/v1/stream`, "annals.v1.json"),
    );
    open.push(() => {
      for (const socket of sockets) socket.terminate();
    });
    await Promise.all(sockets.map((socket) => once(socket, "open")));
    const protocol = { "sec-websocket-protocol": "annals.v1.json" };
    expect(await upgrade(server.url, protocol)).toEqual([429, "ERR_OVERLOADED"]);
  });

  test("a client that asks and does not read is cut off, and its answers stay within their cap", async () => {
    const ledger = new Ledger();
    const server = await start({ ledger });
    const stream = await connect(server);
    stream.socket.pause();
    const flood = (): void => {
      // Each costs an answer; the kernel's buffers take some megabytes of them first.
      for (let k = 0; k < 500; k++) stream.send({ kind: "ack", id: 1, colour: "x".repeat(1000) });
    };
    await until(() => {
      if (ledger.pauses()["subscriber-stalled"] === 1) return true;
      flood();
      return undefined;
    });
    expect(ledger.family("streams").read().current).toBe(0);
    expect(ledger.family("stream.unread").read()).toMatchObject({ current: 0 });
    expect(ledger.family("stream.unread").read().largest).toBeLessThan(64 * 1024 + 2048);
  });

  test("a subscriber that takes nothing holds its cap and one page, at its smallest legal value", async () => {
    const ledger = new Ledger();
    const subscribe = { maxStreams: 8, maxUnacked: 100_000, maxBufferedBytes: 1, maxHeldBytes: 1 };
    const server = await start({ ledger, subscribe });
    const data = "d".repeat(60_000);
    for (let k = 0; k < 200; k++) await append(server, bodyOf(1, k + 1, data));
    const stream = await connect(server);
    stream.socket.pause();
    stream.send({ kind: "subscribe", id: 1, log: "audit", records: 100_000 });
    await until(() => ((ledger.pauses()["subscriber-socket"] ?? 0) > 0 ? true : undefined));
    // Each record is longer than both caps: one at a time.
    expect(ledger.family("subscription.buffer").read().largest).toBeLessThan(61_000);
    expect(ledger.family("subscription.pages").read().peak).toBeLessThan(61_000);
    stream.socket.resume();
    await until(() => (stream.seqs().length === 200 ? true : undefined));
    expect(stream.seqs()).toEqual(Array.from({ length: 200 }, (_, k) => k + 1));
    await stream.next("caughtUp");
    expect(ledger.family("subscription.pages").read().current).toBe(0);
  });

  test("a client that is silent, or takes nothing of what it asked for, is given up", async () => {
    const ledger = new Ledger();
    const server = await start({ ledger, pingMs: 10 });
    const data = "d".repeat(60_000);
    for (let k = 0; k < 400; k++) await append(server, bodyOf(1, k + 1, data));
    const alive = await connect(server);
    const stuck = await connect(server);
    stuck.socket.pause();
    stuck.send({ kind: "subscribe", id: 1, log: "audit", records: 100_000 });
    await until(() => (ledger.pauses()["subscriber-stalled"] === 1 ? true : undefined));
    // Its socket gives back what it had not taken.
    const [pages, subscriptions] = ["subscription.pages", "subscriptions"].map((name) =>
      ledger.family(name),
    );
    await until(
      () => (pages?.read().current === 0 && subscriptions?.read().current === 0) || undefined,
    );
    expect(alive.closed).toBeUndefined();
  });

  test("a client that begins a large message and does not end it is given up, though it answers pings", async () => {
    const ledger = new Ledger();
    const limits = { maxBytes: 256 * 1024, maxDecodedBytes: 256 * 1024, maxRatio: 50 };
    const server = await start({ ledger, body: limits, pingMs: 10 });
    const stream = await connect(server);
    stream.socket.send('{"kind":"append","id":1,"log":"audit"}\n', { fin: false });
    stream.socket.send("x".repeat(200_000), { fin: false });
    await until(() => (ledger.family("requests").read().current > 0 ? true : undefined));
    await stream.untilClosed();
    expect(ledger.pauses()["subscriber-stalled"]).toBe(1);
    expect(ledger.family("requests").read().current).toBe(0);
  });

  test("a server that stops answers what was appended, then says good-bye", async () => {
    const server = await startTestServer();
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>();
    server.service.beforeAppend = () => gate;
    const stream = await TestStream.open(server.url);
    stream.send({ kind: "subscribe", id: 1, log: "audit", records: 1 });
    await stream.next("caughtUp");
    stream.send({ kind: "append", id: 2, log: "audit" }, '{"actor":{"id":"a"},"action":"x"}');
    await until(() => (server.service.appends.length === 1 ? true : undefined));
    const closing = server.close();
    stream.send({ kind: "append", id: 3, log: "audit" }, '{"actor":{"id":"a"},"action":"x"}');
    // Nothing of it was taken, and another node may take it.
    expect(await stream.refusal()).toMatchObject({
      id: 3,
      code: "ERR_NODE_STOPPING",
      retryable: true,
    });
    openGate();
    expect(await stream.untilClosed()).toEqual({ code: 1001, reason: "ERR_NODE_STOPPING" });
    expect(stream.received.map(({ head }) => head)).toMatchObject([{ kind: "appended", id: 2 }]);
    await closing;
  });
});
