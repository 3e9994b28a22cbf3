// Goal: the API as a client meets it, over real connections: what it answers, what it refuses, and that refusals come early and coded.
import { once } from "node:events";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { AnnalsError } from "@annals/record";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";

const RECORD = { actor: { id: "ada" }, action: "file.added", targets: [{ id: "a.txt" }] };

/** For conditions; on a busy machine a second may be too short. */
const WAIT = { timeout: 20_000 };
let server: TestServer;
beforeEach(async () => {
  server = await startTestServer({ address: "127.0.0.1:1" });
});
afterEach(() => server.close());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function call(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(server.url + path, init);
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  const body =
    isJson && !text.includes("\n") ? (JSON.parse(text) as Record<string, unknown>) : { text };
  return { status: response.status, headers: response.headers, body };
}

function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    method: "POST",
    body: text,
    headers: { "content-type": "application/json", ...headers },
  };
}

/** Sends text as it is and gives everything that comes back until the connection closes. */
async function raw(text: string): Promise<string> {
  const socket = connect(Number(server.url.split(":").at(-1)), "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
  socket.on("error", () => undefined);
  socket.write(text);
  await once(socket, "close");
  return answer;
}

describe("append", () => {
  test("passes the bytes on and answers the seqs", async () => {
    const answer = await call(
      "/v1/logs/audit/records",
      post([RECORD, RECORD], {
        "annals-producer": "billing-1;epoch=2;sequence=1",
        "annals-timeout": "2s",
      }),
    );
    expect(answer).toMatchObject({
      status: 200,
      body: { firstSeq: 1, lastSeq: 2, count: 2, duplicate: false },
    });
    expect(answer.headers.get("annals-leader")).toBe("127.0.0.1:1");
    expect(server.service.appends).toMatchObject([
      {
        contentType: "application/json",
        producer: { id: "billing-1", epoch: 2, sequence: 1 },
        timeoutMs: 2000,
      },
    ]);
    expect(Buffer.from(server.service.appends[0]?.body ?? []).toString()).toBe(
      JSON.stringify([RECORD, RECORD]),
    );
  });

  test("takes NDJSON and msgpack by their exact names, bytes untouched", async () => {
    const lines = post(`${JSON.stringify(RECORD)}\n`, { "content-type": "application/x-ndjson" });
    expect((await call("/v1/logs/audit/records", lines)).status).toBe(200);
    const bytes = new Uint8Array([0x81, 0xff, 0x00]);
    server.service.beforeAppend = () => {
      throw new AnnalsError("ERR_BODY_MALFORMED", "truncated", { details: { offset: 3 } });
    };
    const packed = await call("/v1/logs/audit/records", {
      method: "POST",
      body: bytes,
      headers: { "content-type": "application/msgpack" },
    });
    expect(packed).toMatchObject({
      status: 400,
      body: { code: "ERR_BODY_MALFORMED", details: { offset: 3 } },
    });
    expect(new Uint8Array(server.service.appends[1]?.body ?? [])).toEqual(bytes);
  });

  test.each([
    [{ "content-type": "text/plain" }, 415, "ERR_CONTENT_TYPE_UNSUPPORTED"],
    [{ "content-type": "application/json; charset=latin1" }, 415, "ERR_CONTENT_TYPE_UNSUPPORTED"],
    [{ "content-encoding": "br" }, 415, "ERR_CONTENT_ENCODING_UNSUPPORTED"],
    [{ "content-encoding": "gzip, gzip" }, 415, "ERR_CONTENT_ENCODING_UNSUPPORTED"],
    [{ "annals-producer": "x" }, 400, "ERR_HEADER_INVALID"],
    [{ "annals-producer": "x;epoch=0;sequence=1" }, 400, "ERR_HEADER_INVALID"],
    [{ "annals-producer": "x;sequence=1;epoch=1" }, 400, "ERR_HEADER_INVALID"],
    [{ "annals-timeout": "5" }, 400, "ERR_HEADER_INVALID"],
    [{ "annals-timeout": "61s" }, 400, "ERR_HEADER_INVALID"],
  ])("refuses headers %j", async (headers, status, code) => {
    const answer = await call("/v1/logs/audit/records", post(RECORD, headers));
    expect(answer).toMatchObject({
      status,
      body: { status, code, type: `urn:annals:error:${code}` },
    });
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(server.service.appends).toEqual([]);
  });

  test.each([
    [{ "content-type": "application/vnd.msgpack" }, "application/msgpack"],
    [{ "content-type": "application/x-msgpack" }, "application/msgpack"],
    [{ "content-type": "application/jsonl" }, "application/x-ndjson"],
  ])("takes other names of a type: %j", async (headers, contentType) => {
    await call("/v1/logs/audit/records", post(RECORD, headers));
    expect(server.service.appends).toMatchObject([{ contentType }]);
  });

  test("takes x-gzip for gzip", async () => {
    const packed = gzipSync(JSON.stringify(RECORD));
    const headers = { "content-type": "application/json", "content-encoding": "x-gzip" };
    const answer = await call("/v1/logs/audit/records", { method: "POST", body: packed, headers });
    expect(answer.status).toBe(200);
  });

  test("a page of another origin changes nothing", async () => {
    const host = server.address;
    const from = async (origin: string): Promise<number> => {
      const init = { method: "POST", headers: { origin } };
      return (await call("/v1/logs/audit/transfer-leadership", init)).status;
    };
    expect(await from("https://evil.example")).toBe(403);
    expect(await from("null")).toBe(403);
    expect(server.service.transfers).toEqual([]);
    expect(await from(`http://${host}`)).toBe(200);
  });

  test("takes charset=utf-8 and Content-Encoding: identity", async () => {
    const init = post(RECORD, {
      "content-type": 'Application/JSON; charset="UTF-8"',
      "content-encoding": "identity",
    });
    expect((await call("/v1/logs/audit/records", init)).status).toBe(200);
  });

  test("names the record and field of a bad record", async () => {
    const answer = await call("/v1/logs/audit/records", post([RECORD, { actor: { id: "x" } }]));
    expect(answer).toMatchObject({
      status: 400,
      body: {
        code: "ERR_RECORD_FIELD_MISSING",
        retryable: false,
        details: { position: 1, path: "action" },
      },
    });
  });

  test("refuses a body over the limit, announced or not", async () => {
    const large = JSON.stringify({ ...RECORD, data: "x".repeat(70_000) });
    const announced = await call("/v1/logs/audit/records", post(large));
    expect(announced).toMatchObject({ status: 413, body: { code: "ERR_BODY_TOO_LARGE" } });
    const chunk = large.length.toString(16);
    const chunked = await raw(
      "POST /v1/logs/audit/records HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n" +
        `transfer-encoding: chunked\r\n\r\n${chunk}\r\n${large}\r\n0\r\n\r\n`,
    );
    expect(chunked).toContain("ERR_BODY_TOO_LARGE");
    expect(server.service.appends).toEqual([]);
  });

  test("refuses an empty body, an unknown parameter and an unknown log", async () => {
    expect(await call("/v1/logs/audit/records", post(""))).toMatchObject({
      body: { code: "ERR_BODY_EMPTY" },
    });
    expect(await call("/v1/logs/audit/records?ack=one", post(RECORD))).toMatchObject({
      status: 400,
      body: { code: "ERR_PARAMETER_UNKNOWN" },
    });
    expect(await call("/v1/logs/nope/records", post(RECORD))).toMatchObject({
      status: 404,
      body: { code: "ERR_LOG_NOT_FOUND" },
    });
    expect((await call("/v1/logs/..%2Fx/records", post(RECORD))).status).toBe(404);
  });

  test.each([
    ["ERR_OUTCOME_UNKNOWN", 504, null],
    ["ERR_OVERLOADED", 429, "1"],
    ["ERR_NO_LEADER", 503, "1"],
    ["ERR_DISK_FULL", 507, "10"],
    ["ERR_SOMETHING_NEW", 503, "1"],
  ] as const)("answers %s with %i", async (code, status, retryAfter) => {
    server.service.beforeAppend = () => {
      throw new AnnalsError(code, "why", { retryable: true, details: { pendingBytes: 5 } });
    };
    const answer = await call("/v1/logs/audit/records", post(RECORD));
    expect(answer).toMatchObject({
      status,
      body: { code, retryable: true, detail: "why", details: { pendingBytes: 5 } },
    });
    expect(answer.headers.get("retry-after")).toBe(retryAfter);
  });

  test("hides the text of a fault and reports it", async () => {
    server.service.beforeAppend = () => {
      throw new TypeError("secret payload");
    };
    const answer = await call("/v1/logs/audit/records", post(RECORD));
    expect(answer).toMatchObject({ status: 500, body: { code: "ERR_INTERNAL" } });
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    expect(server.faults).toMatchObject([{ message: "secret payload" }]);
  });

  test("holds bodies only up to its budget and gives the bytes back", async () => {
    let release: () => void = () => undefined;
    const blocked = new Promise<void>((resolve) => (release = resolve));
    let arrived: () => void = () => undefined;
    const bothHere = new Promise<void>((resolve) => (arrived = resolve));
    server.service.beforeAppend = () => {
      if (server.service.appends.length === 4) arrived();
      return blocked;
    };
    const body = JSON.stringify({ ...RECORD, data: "x".repeat(60_000) });
    const first = [1, 2, 3, 4].map(() => call("/v1/logs/audit/records", post(body)));
    await bothHere;
    expect(await call("/v1/logs/audit/records", post(body))).toMatchObject({
      status: 429,
      body: { code: "ERR_OVERLOADED", retryable: true },
    });
    release();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await expect
      .poll(async () => (await call("/v1/logs/audit/records", post(body))).status)
      .toBe(200);
  });
});

describe("read", () => {
  beforeEach(async () => {
    for (const action of ["file.added", "file.removed", "login"]) {
      await call("/v1/logs/audit/records", post({ ...RECORD, action }));
    }
    server.service.reads.length = 0;
  });

  test("answers a page that says what it covers", async () => {
    const page = await call("/v1/logs/audit/records?action=file.*&limit=1");
    expect(page).toMatchObject({
      status: 200,
      body: {
        items: [{ seq: 1, recordedAt: "2026-01-01T00:00:01.000Z", action: "file.added" }],
        covered: { from: 1, to: 1 },
        more: true,
      },
    });
    const next = await call(
      `/v1/logs/audit/records?action=file.*&limit=5&cursor=${String(page.body["next"])}`,
    );
    expect(next.body).toMatchObject({
      items: [{ seq: 2 }],
      covered: { from: 2, to: 3 },
      more: false,
    });
  });

  test("answers NDJSON with the range in headers", async () => {
    const answer = await call("/v1/logs/audit/records?order=desc&limit=2", {
      headers: { accept: "application/x-ndjson, application/json;q=0.5" },
    });
    expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
    expect(answer.headers.get("annals-covered")).toBe("2-3");
    expect(answer.headers.get("annals-more")).toBe("true");
    expect(answer.headers.get("annals-next")).toMatch(/^[\w-]+$/);
  });

  test("passes every parameter to the service", async () => {
    const parameters = new URLSearchParams({
      from: "1",
      to: "9",
      since: "2026-01-01T00:00:00Z",
      until: "2026-01-01T01:00:00+01:00",
      actor: "ada",
      action: "x",
      target: "a/b c",
      tenant: "t",
      limit: "7",
      consistency: "local",
      wait: "1ms",
    });
    parameters.set("until", "2026-01-02T00:00:00+01:00");
    await call(`/v1/logs/audit/records?${parameters.toString()}`);
    expect(server.service.reads).toEqual([
      {
        from: 1,
        to: 9,
        since: Date.parse("2026-01-01T00:00:00Z"),
        until: Date.parse("2026-01-01T23:00:00Z"),
        actor: "ada",
        action: "x",
        target: "a/b c",
        tenant: "t",
        limit: 7,
        cursor: undefined,
        order: "asc",
        consistency: "local",
        waitMs: 1,
        format: "json",
      },
    ]);
  });

  test.each([
    ["limt=5", "ERR_PARAMETER_UNKNOWN", 'did you mean "limit"?'],
    ["limit=5&limit=6", "ERR_PARAMETER_UNKNOWN", "twice"],
    ["limit=0", "ERR_PARAMETER_INVALID", "1 to 10000"],
    ["limit=10001", "ERR_PARAMETER_INVALID", "1 to 10000"],
    ["from=-1", "ERR_PARAMETER_INVALID", "whole number"],
    ["from=5&to=4", "ERR_PARAMETER_INVALID", "above to"],
    ["since=yesterday", "ERR_PARAMETER_INVALID", "a time such as"],
    ["since=2026-13-01T00:00:00Z", "ERR_PARAMETER_INVALID", "a time such as"],
    ["since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "ERR_PARAMETER_INVALID", "before"],
    ["order=up", "ERR_PARAMETER_INVALID", "asc or desc"],
    ["consistency=eventual", "ERR_PARAMETER_INVALID", "linearizable or local"],
    ["wait=10", "ERR_PARAMETER_INVALID", "no unit"],
    ["wait=2m", "ERR_PARAMETER_INVALID", "at most 60s"],
    ["wait=1s&order=desc", "ERR_PARAMETER_INVALID", "order=asc"],
    ["action=*", "ERR_PARAMETER_INVALID", "wildcard"],
    ["action=a*b", "ERR_PARAMETER_INVALID", "wildcard"],
    ["actor=", "ERR_PARAMETER_INVALID", "1 to 2048"],
    [`actor=${"a".repeat(2049)}`, "ERR_PARAMETER_INVALID", "1 to 2048"],
    ["cursor=abc", "ERR_CURSOR_INVALID", "not made by"],
  ])("refuses ?%s", async (query, code, text) => {
    const answer = await call(`/v1/logs/audit/records?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { code } });
    expect(answer.body["detail"]).toContain(text);
  });

  test("refuses what cannot be served", async () => {
    const answer = await call("/v1/logs/audit/records", { headers: { accept: "text/html" } });
    expect(answer).toMatchObject({ status: 406, body: { code: "ERR_NOT_ACCEPTABLE" } });
  });

  test("a tail waits for the next record", async () => {
    const tail = call("/v1/logs/audit/records?from=4&wait=30s");
    await expect.poll(() => server.service.reads.length, WAIT).toBe(1);
    await call("/v1/logs/audit/records", post(RECORD));
    expect((await tail).body).toMatchObject({ items: [{ seq: 4 }] });
  });

  test.each([
    ["a page", "", 12 << 20],
    ["a record", "/1", 3 << 20],
  ])("holds answers for slow readers only up to its budget: %s", async (_what, path, cap) => {
    const narrow = await startTestServer({
      body: { maxBytes: 1 << 20, maxDecodedBytes: 1 << 20, maxRatio: 50 },
      maxLogBytes: 2 << 20,
      maxNodeBytes: 2 << 20,
      maxHeldAnswerBytes: cap,
    });
    const url = `${narrow.url}/v1/logs/audit/records`;
    const data = { text: "x".repeat(900_000) };
    for (let k = 0; k < 4; k++) await fetch(url, post({ ...RECORD, data }));
    const read = async (): Promise<number> => {
      const response = await fetch(url + path);
      await response.arrayBuffer();
      return response.status;
    };
    expect(await read()).toBe(200);
    const idle = [1, 2].map(() => {
      const socket = connect(Number(narrow.url.split(":").at(-1)), "127.0.0.1").pause();
      return socket.on("error", () => undefined);
    });
    // Nobody reads these answers. The kernel buffers the first ones; what it does not take stays in the process.
    const askAndRead = (): Promise<number> => {
      for (const socket of idle)
        socket.write(`GET /v1/logs/audit/records${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
      return read();
    };
    await expect.poll(askAndRead, WAIT).toBe(429);
    for (const socket of idle) socket.destroy();
    await expect.poll(read, WAIT).toBe(200);
    await narrow.close();
  });

  test("a client that goes away while it waits leaves no bytes counted", async () => {
    const narrow = await startTestServer({ maxHeldAnswerBytes: 1 });
    const url = `${narrow.url}/v1/logs/audit/records`;
    let done = 0;
    const read = narrow.service.read.bind(narrow.service);
    narrow.service.read = async (log, query) => read(log, query).finally(() => done++);
    const gone = new AbortController();
    const tail = fetch(`${url}?wait=30s`, { signal: gone.signal }).catch(() => "gone");
    await expect.poll(() => narrow.service.reads.length, WAIT).toBe(1);
    gone.abort();
    expect(await tail).toBe("gone");
    await fetch(url, post(RECORD));
    await expect.poll(() => done, WAIT).toBe(1);
    await expect.poll(async () => (await fetch(url)).status, WAIT).toBe(200);
    await narrow.close();
  });

  test("gives one record by its seq", async () => {
    expect((await call("/v1/logs/audit/records/2")).body).toMatchObject({
      seq: 2,
      action: "file.removed",
    });
    expect(await call("/v1/logs/audit/records/9")).toMatchObject({
      status: 404,
      body: { code: "ERR_RECORD_NOT_FOUND", details: { seq: 9 } },
    });
    expect((await call("/v1/logs/audit/records/two")).status).toBe(400);
  });
});

describe("the rest", () => {
  test("producers", async () => {
    await call(
      "/v1/logs/audit/records",
      post(RECORD, { "annals-producer": "p/1;epoch=1;sequence=1" }),
    );
    expect((await call("/v1/logs/audit/producers/p%2F1")).body).toEqual({
      id: "p/1",
      epoch: 1,
      sequence: 1,
      firstSeq: 1,
      lastSeq: 1,
      nextEpoch: 2,
    });
    expect(await call("/v1/logs/audit/producers/x")).toMatchObject({
      body: { code: "ERR_PRODUCER_NOT_FOUND", details: { nextEpoch: 1 } },
    });
  });

  test("logs are created and listed", async () => {
    const made = await call("/v1/logs", post({ name: "orders" }));
    expect(made).toMatchObject({ status: 201, body: { name: "orders", lastSeq: 0 } });
    expect(made.headers.get("location")).toBe("/v1/logs/orders/records");
    expect((await call("/v1/logs")).body).toMatchObject({
      items: [{ name: "audit" }, { name: "orders" }],
    });
    expect(await call("/v1/logs", post({ name: "orders" }))).toMatchObject({ status: 409 });
  });

  test.each([
    [{}, "ERR_PARAMETER_INVALID"],
    [{ name: "_system" }, "ERR_PARAMETER_INVALID"],
    [{ name: 5 }, "ERR_PARAMETER_INVALID"],
    [{ nam: "x" }, "ERR_PARAMETER_UNKNOWN"],
    ["[]", "ERR_BODY_MALFORMED"],
    ["{", "ERR_BODY_MALFORMED"],
  ])("a log is not created from %j", async (body, code) => {
    expect(await call("/v1/logs", post(body))).toMatchObject({ status: 400, body: { code } });
  });

  test("leadership is transferred", async () => {
    await call("/v1/logs/audit/transfer-leadership", post({ to: "b" }));
    await call("/v1/logs/audit/transfer-leadership", { method: "POST" });
    expect(server.service.transfers).toEqual([
      { log: "audit", to: "b" },
      { log: "audit", to: undefined },
    ]);
    expect(await call("/v1/logs/audit/transfer-leadership", post({ to: "nobody" }))).toMatchObject({
      status: 404,
    });
  });

  test("the copy of a log is shown, and one is chosen", async () => {
    server.service.copyNow = { headHash: "aa", emptiedFor: "b" };
    expect((await call("/v1/logs/audit/copy")).body).toMatchObject({
      node: "a",
      log: "audit",
      headHash: "aa",
      emptiedFor: "b",
    });
    const path = "/v1/logs/audit/resolve";
    expect((await call(path, post({ keep: "a", by: "ada" }))).body).toMatchObject({
      decision: 17,
      keep: "a",
      by: "ada",
    });
    await call(path, post({ keep: "a" }));
    expect(server.service.decided?.by).toBe("127.0.0.1");
  });

  test.each([
    [{ by: "ada" }, "ERR_PARAMETER_INVALID"],
    [{ keep: "a", by: "a".repeat(129) }, "ERR_PARAMETER_INVALID"],
    [{ keep: "a", from: "b" }, "ERR_PARAMETER_UNKNOWN"],
  ])("no copy is chosen by %j", async (body, code) => {
    expect(await call("/v1/logs/audit/resolve", post(body))).toMatchObject({
      status: 400,
      body: { code },
    });
    expect(server.service.decided).toBeUndefined();
  });

  test("a decision for _system is refused here, whoever leads it", async () => {
    server.service.target = () => ({ kind: "none" });
    const refused = await call("/v1/logs/_system/resolve", post({ keep: "a" }));
    expect(refused).toMatchObject({ status: 404 });
    expect(await call("/v1/logs/audit/resolve", post({ keep: "a" }))).toMatchObject({
      status: 503,
      body: { code: "ERR_NO_LEADER" },
    });
  });

  test("health", async () => {
    expect(await call("/healthz")).toMatchObject({ status: 200, body: { live: true } });
    server.service.healthNow = { live: true, ready: false, reasons: ["waits for node b"] };
    expect((await call("/healthz")).status).toBe(200);
    expect(await call("/readyz")).toMatchObject({
      status: 503,
      body: { reasons: ["waits for node b"] },
    });
    expect((await call("/v1/cluster")).body).toMatchObject({
      cluster: "test",
      nodes: [{ id: "a" }],
    });
  });

  test("unknown paths and methods", async () => {
    expect(await call("/v2/x")).toMatchObject({
      status: 404,
      body: { code: "ERR_ROUTE_NOT_FOUND" },
    });
    const answer = await call("/v1/logs", { method: "DELETE" });
    expect(answer).toMatchObject({ status: 405, body: { code: "ERR_METHOD_NOT_ALLOWED" } });
    expect(answer.headers.get("allow")).toBe("GET, HEAD, POST");
    expect((await call("/v1/logs/%zz/records")).body).toMatchObject({
      code: "ERR_REQUEST_MALFORMED",
    });
  });

  test.each([
    ["garbage\r\n\r\n", "not valid HTTP"],
    [`GET / HTTP/1.1\r\nhost: x\r\nbig: ${"x".repeat(20_000)}\r\n\r\n`, "larger than 16384 bytes"],
  ])("what is no HTTP is answered, too", async (text, detail) => {
    const answer = await raw(text);
    expect(answer).toContain("400 Bad Request");
    expect(answer).toContain("ERR_REQUEST_MALFORMED");
    expect(answer).toContain(detail);
  });
});
