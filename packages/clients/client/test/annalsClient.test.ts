// Goal: the client against the real HTTP API: it finds the leader, tries again exactly what may be tried again, and never hides an
// unknown outcome.
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { AnnalsError, ExactNumber } from "@annals/record";
import type { WideNumbers } from "@annals/record";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { AnnalsClient } from "../src/annalsClient.ts";
import type { AnnalsClientOptions } from "../src/annalsClient.ts";
import { ClientError } from "../src/clientError.ts";
import type { AuditRecord } from "../src/types.ts";

const RECORD: AuditRecord = { actor: { id: "ada" }, action: "login" };
const STAMP = { id: "p", epoch: 1, sequence: 1 };

let server: TestServer;
let client: AnnalsClient;
let others: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  others = [];
  server = await startTestServer();
  client = clientOf([server.url]);
});
afterEach(async () => {
  client.close();
  await server.close();
  await Promise.all(others.map((close) => close()));
});

function clientOf(urls: readonly string[], rest: Partial<AnnalsClientOptions> = {}): AnnalsClient {
  const made = new AnnalsClient({ urls, retryForMs: 10_000, ...rest });
  others.push(async () => made.close());
  return made;
}

/** A TCP server that answers nothing and closes each connection after its first bytes. */
async function startDying(): Promise<string> {
  const dying: Server = createServer((socket) => socket.once("data", () => socket.destroy()));
  await new Promise<void>((resolve) => dying.listen(0, "127.0.0.1", resolve));
  others.push(() => new Promise((resolve) => dying.close(resolve)));
  return `http://127.0.0.1:${(dying.address() as AddressInfo).port}`;
}

/** A port on which nobody listens. */
async function deadUrl(): Promise<string> {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  return `http://127.0.0.1:${port}`;
}

function failTimes(times: number, code: `ERR_${string}`): void {
  let left = times;
  server.service.beforeAppend = () => {
    if (left-- > 0) throw new AnnalsError(code, "again", { retryable: true });
  };
}

describe("append", () => {
  test("answers the seqs, for records and for bytes", async () => {
    expect(await client.append("audit", RECORD)).toEqual({
      firstSeq: 1,
      lastSeq: 1,
      count: 1,
      duplicate: false,
    });
    expect(await client.append("audit", [RECORD, RECORD])).toMatchObject({
      firstSeq: 2,
      lastSeq: 3,
    });
    const bytes = new TextEncoder().encode(`${JSON.stringify(RECORD)}\n`);
    const reply = await client.append("audit", { contentType: "application/x-ndjson", bytes });
    expect(reply).toMatchObject({ firstSeq: 4, count: 1 });
  });

  test("sends its stamp and deadline", async () => {
    await client.append("audit", RECORD, { producer: STAMP, timeoutMs: 1234 });
    expect(server.service.appends).toMatchObject([{ producer: STAMP, timeoutMs: 1234 }]);
    const again = await client.append("audit", RECORD, { producer: STAMP });
    expect(again).toEqual({ firstSeq: 1, lastSeq: 1, count: 1, duplicate: true });
  });

  test("without a stamp tries again only while nothing was accepted", async () => {
    failTimes(2, "ERR_NO_LEADER");
    const one = clientOf([server.url], { retryForMs: 30_000 });
    const pending = one.append("audit", RECORD);
    await expect(pending).resolves.toMatchObject({ firstSeq: 1 });
    expect(server.service.appends).toHaveLength(3);
    failTimes(1, "ERR_OUTCOME_UNKNOWN");
    await expect(client.append("audit", RECORD)).rejects.toMatchObject({
      code: "ERR_OUTCOME_UNKNOWN",
      status: 504,
      notAccepted: false,
    });
    expect(server.service.appends).toHaveLength(4);
  });

  test("with a stamp tries again when the outcome is unknown", async () => {
    failTimes(2, "ERR_OUTCOME_UNKNOWN");
    await expect(client.append("audit", RECORD, { producer: STAMP })).resolves.toMatchObject({
      firstSeq: 1,
    });
    expect(server.service.appends).toHaveLength(3);
  });

  test("a server that dies with the request: unknown without a stamp, tried elsewhere with one", async () => {
    const dying = await startDying();
    await expect(clientOf([dying, server.url]).append("audit", RECORD)).rejects.toMatchObject({
      code: "ERR_OUTCOME_UNKNOWN",
    });
    expect(server.service.appends).toHaveLength(0);
    const reply = await clientOf([dying, server.url]).append("audit", RECORD, { producer: STAMP });
    expect(reply.firstSeq).toBe(1);
  });

  test("a refusal after an unknown outcome does not say that nothing was accepted", async () => {
    failTimes(1, "ERR_OUTCOME_UNKNOWN");
    const producer = { ...STAMP, sequence: 7 };
    await expect(client.append("audit", RECORD, { producer })).rejects.toMatchObject({
      status: 409,
      notAccepted: false,
    });
    await expect(client.append("audit", RECORD, { producer })).rejects.toMatchObject({
      status: 409,
      notAccepted: true,
    });
  });

  test("a server that is not there is passed over, also without a stamp", async () => {
    const reply = await clientOf([await deadUrl(), server.url]).append("audit", RECORD);
    expect(reply.firstSeq).toBe(1);
  });

  test("a refusal is final and carries what to act on", async () => {
    const refused = client.append("audit", [RECORD, { actor: { id: "x" } } as AuditRecord]);
    await expect(refused).rejects.toMatchObject({
      code: "ERR_RECORD_FIELD_MISSING",
      status: 400,
      retryable: false,
      notAccepted: true,
      details: { position: 1, path: "action" },
    });
    await expect(refused).rejects.toBeInstanceOf(ClientError);
    expect(server.service.appends).toHaveLength(1);
  });

  test("gives up when the time for trying is over", async () => {
    failTimes(1000, "ERR_OVERLOADED");
    const hasty = clientOf([server.url], { retryForMs: 0 });
    await expect(hasty.append("audit", RECORD)).rejects.toMatchObject({
      code: "ERR_OVERLOADED",
      retryAfterMs: 1000,
    });
    expect(server.service.appends).toHaveLength(1);
    const nobody = clientOf([await deadUrl()], { retryForMs: 0 });
    await expect(nobody.append("audit", RECORD)).rejects.toMatchObject({
      code: "ERR_CONNECT_FAILED",
      status: undefined,
    });
  });

  test("learns the leader from an answer and goes there directly", async () => {
    const leader = await startTestServer();
    others.push(() => leader.close());
    // The leader names its own address, as a node does.
    const named = await startTestServer({ address: leader.address }, leader.service);
    others.push(() => named.close());
    server.service.target = () => ({ kind: "remote", node: "b", address: named.address });
    await client.append("audit", RECORD);
    expect(leader.service.appends).toHaveLength(1);
    server.service.target = () => ({ kind: "none" });
    await client.append("audit", RECORD);
    expect(leader.service.appends).toHaveLength(2);
  });

  test("a leader that is gone is forgotten", async () => {
    const gone = await deadUrl();
    const named = await startTestServer({ address: gone.slice("http://".length) }, server.service);
    others.push(() => named.close());
    const one = clientOf([named.url]);
    await one.append("audit", RECORD);
    await one.append("audit", RECORD);
    expect(server.service.appends).toHaveLength(2);
  });
});

describe("read", () => {
  beforeEach(async () => {
    for (let k = 1; k <= 5; k++)
      await client.append("audit", { ...RECORD, action: k % 2 === 0 ? "even.x" : "odd" });
  });

  test("pages, records and single ones", async () => {
    const page = await client.read("audit", { limit: 2, action: "even.*" });
    expect(page).toMatchObject({
      items: [{ seq: 2 }, { seq: 4 }],
      covered: { from: 1, to: 4 },
      more: true,
    });
    const seqs: number[] = [];
    for await (const record of client.records("audit", { limit: 2 })) seqs.push(record.seq);
    expect(seqs).toEqual([1, 2, 3, 4, 5]);
    expect(await client.get("audit", 3, { consistency: "local" })).toMatchObject({
      seq: 3,
      action: "odd",
    });
    await expect(client.get("audit", 99)).rejects.toMatchObject({
      code: "ERR_RECORD_NOT_FOUND",
      status: 404,
    });
  });

  test("a tail gives what is there, then what comes, until it is stopped", async () => {
    const stop = new AbortController();
    const seqs: number[] = [];
    for await (const record of client.tail("audit", { from: 4 }, { signal: stop.signal })) {
      seqs.push(record.seq);
      if (record.seq === 5) await client.append("audit", RECORD);
      if (record.seq === 6) stop.abort();
    }
    expect(seqs).toEqual([4, 5, 6]);
  });

  test("a tail outlives an outage, and ends with what no repetition mends", async () => {
    const impatient = clientOf([server.url], { retryForMs: 0 });
    const read = server.service.read.bind(server.service);
    let code: `ERR_${string}` | undefined = "ERR_NO_LEADER";
    server.service.read = async (log, query) => {
      if (code === undefined) return read(log, query);
      const retryable = code === "ERR_NO_LEADER";
      code = retryable ? undefined : code;
      throw new AnnalsError(retryable ? "ERR_NO_LEADER" : "ERR_LOG_NOT_FOUND", "no", { retryable });
    };
    const seqs: number[] = [];
    const tail = async (): Promise<void> => {
      for await (const { seq } of impatient.tail("audit", { from: 4 })) {
        seqs.push(seq);
        if (seq === 5) code = "ERR_LOG_NOT_FOUND";
      }
    };
    await expect(tail()).rejects.toMatchObject({ code: "ERR_LOG_NOT_FOUND" });
    expect(seqs).toEqual([4, 5]);
  });

  test("a bad query is not tried again", async () => {
    await expect(client.read("audit", { limit: 0 })).rejects.toMatchObject({
      code: "ERR_PARAMETER_INVALID",
    });
    await expect(client.read("nope")).rejects.toMatchObject({ code: "ERR_LOG_NOT_FOUND" });
  });
});

describe("the rest", () => {
  test("producers, logs, cluster, health, leadership", async () => {
    expect(await client.producer("audit", "p")).toBeUndefined();
    await client.append("audit", RECORD, { producer: STAMP });
    expect(await client.producer("audit", "p")).toMatchObject({ sequence: 1, lastSeq: 1 });
    expect(await client.createLog("orders")).toMatchObject({ name: "orders" });
    await expect(client.createLog("orders")).rejects.toMatchObject({ code: "ERR_LOG_EXISTS" });
    expect((await client.logs()).map(({ name }) => name)).toEqual(["audit", "orders"]);
    expect(await client.cluster({ url: server.url })).toMatchObject({ cluster: "test" });
    expect(await client.health(server.url)).toMatchObject({ ready: true });
    server.service.healthNow = { live: true, ready: false, reasons: ["starting"] };
    expect(await client.health(server.url)).toEqual({ ready: false, reasons: ["starting"] });
    await client.transferLeadership("audit", "b");
    expect(server.service.transfers).toEqual([{ log: "audit", to: "b" }]);
  });

  test("the copy of a log, and the choice of one", async () => {
    server.service.copyNow = { lastIndex: 9, headHash: "aa" };
    for (const options of [{}, { url: server.url }])
      expect(await client.copies("audit").get(options)).toMatchObject({ node: "a", lastIndex: 9 });
    expect(await client.copies("audit").resolve({ keep: "a", by: "ada" })).toMatchObject({
      decision: 17,
      keep: "a",
      by: "ada",
      waitsFor: ["a", "b"],
    });
  });

  test("abort and close end a call that waits", async () => {
    const stop = new AbortController();
    const aborted = client.read("audit", { from: 9, waitMs: 30_000 }, { signal: stop.signal });
    const closed = client.read("audit", { from: 9, waitMs: 30_000 });
    await expect.poll(() => server.service.reads.length).toBe(2);
    stop.abort();
    await expect(aborted).rejects.toMatchObject({ code: "ERR_ABORTED" });
    client.close();
    await expect(closed).rejects.toMatchObject({ code: "ERR_CLIENT_CLOSED" });
    await expect(client.logs()).rejects.toMatchObject({ code: "ERR_CLIENT_CLOSED" });
    const append = client.append("audit", { actor: { id: "a" }, action: "b" });
    await expect(append).rejects.toMatchObject({ code: "ERR_CLIENT_CLOSED", notAccepted: true });
  });

  test.each([undefined, null, {}, { urls: [] }, { urls: "http://127.0.0.1:1" }])(
    "%j are no options",
    (options) => {
      expect(() => new AnnalsClient(options as unknown as AnnalsClientOptions)).toThrow(
        expect.objectContaining({ name: "ClientError", code: "ERR_CLIENT_OPTIONS" }),
      );
    },
  );

  test.each<[unknown, string]>([
    [undefined, "ERR_RECORD_FIELD_TYPE"],
    [null, "ERR_RECORD_FIELD_TYPE"],
    ["text", "ERR_RECORD_FIELD_TYPE"],
    [{ actor: { id: "a" }, action: "b", data: { v: Number.NaN } }, "ERR_RECORD_NUMBER"],
    [[{ actor: { id: "a" }, action: "b", data: { v: new Map() } }], "ERR_RECORD_FIELD_TYPE"],
  ])("%j is not sent", async (records, code) => {
    const append = client.append("audit", records as AuditRecord);
    await expect(append).rejects.toMatchObject({ name: "ClientError", code, notAccepted: true });
    expect(server.service.appends).toEqual([]);
  });

  test("numbers that no double holds are sent with their digits, and read as it was asked", async () => {
    const digits = "12345678901234567890";
    await client.append("audit", {
      actor: { id: "a" },
      action: "b",
      data: { big: BigInt(digits), exact: new ExactNumber("0.10000000000000000001") },
    });
    const read = async (wideNumbers?: WideNumbers): Promise<unknown> => {
      const reader = new AnnalsClient({
        urls: [server.url],
        ...(wideNumbers === undefined ? {} : { wideNumbers }),
      });
      const [record] = (await reader.read("audit", { order: "desc", limit: 1 })).items;
      const stream = reader.subscribe("audit", { from: record?.seq });
      expect((await stream.next()).value).toEqual(record);
      await stream.return();
      reader.close();
      return record?.data;
    };
    const exact = new ExactNumber("0.10000000000000000001");
    expect(await read()).toEqual({ big: new ExactNumber(digits), exact });
    expect(await read("bigint")).toEqual({ big: BigInt(digits), exact });
    expect(await read("text")).toEqual({ big: digits, exact: exact.text });
  });

  test.each(["", "127.0.0.1:7400", "ftp://x", "http://x/path", "http://x/?a=1"])(
    "%j is no URL of a server",
    (url) => {
      expect(() => new AnnalsClient({ urls: [url] })).toThrow("is no server URL");
    },
  );

  test("what is no Annals server is named", async () => {
    const web = await startTestServer();
    others.push(() => web.close());
    web.app.server.removeAllListeners("request");
    web.app.server.on("request", (_request: unknown, response: { end(text: string): void }) =>
      response.end("<html>"),
    );
    await expect(clientOf([web.url]).logs()).rejects.toMatchObject({ code: "ERR_ANSWER_INVALID" });
  });
});
