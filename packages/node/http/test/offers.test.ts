/**
 * Goal: an offer or a wish that a client's HTTP library adds by itself never costs the request, and what cannot be met is refused by name,
 * before the body is sent. Method: raw bytes to a real HTTP server, a table of requests and the answers to them.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

/** Sends bytes as they are and gives everything that comes back until the connection closes. */
async function raw(text: string): Promise<string> {
  const socket = connect(Number(server.url.split(":").at(-1)), "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
  socket.on("error", () => undefined);
  socket.write(text);
  await once(socket, "close");
  return answer;
}

const BODY = JSON.stringify({ actor: { id: "ada" }, action: "a.b" });
const APPEND = "POST /v1/logs/audit/records";

function request(start: string, headers: readonly string[], body = ""): string {
  return [`${start} HTTP/1.1`, "host: x", ...headers, "", body].join("\r\n");
}

const append = (...headers: string[]): string =>
  request(
    APPEND,
    ["content-type: application/json", `content-length: ${BODY.length}`, ...headers],
    BODY,
  );

const H2C = [
  "connection: close, upgrade, http2-settings",
  "upgrade: h2c",
  "http2-settings: AAMAAABk",
];
const WEBSOCKET = ["connection: close, upgrade", "upgrade: websocket"];

describe("an upgrade that is not taken is ignored", () => {
  test.each([
    ["h2c on a GET", request("GET /healthz", H2C)],
    ["h2c on an append", append(...H2C)],
    ["TLS", request("GET /healthz", ["connection: close, upgrade", "upgrade: TLS/1.0"])],
    ["several", request("GET /healthz", ["connection: close, upgrade", "upgrade: h2c, websocket"])],
    ["a WebSocket elsewhere", request("GET /healthz", WEBSOCKET)],
    ["h2c with prior pipelining", request("GET /healthz", []) + request("GET /healthz", H2C)],
  ])("%s", async (_what, text) => {
    const answer = await raw(text);
    expect(answer).toContain("HTTP/1.1 200");
    expect(answer).not.toMatch(/HTTP\/1\.1 [45]/);
  });

  test("h2c where the stream is gets the problem that a plain GET gets", async () => {
    expect(await raw(request("GET /v1/stream", H2C))).toContain("ERR_STREAM_UPGRADE");
    expect(await raw(request("GET /nothing", WEBSOCKET))).toContain("ERR_ROUTE_NOT_FOUND");
  });
});

const OF_THE_CONNECTION: ReadonlySet<string> = new Set(["date", "connection", "keep-alive"]);

describe("HEAD", () => {
  const statusAndHeaders = async (method: string, path: string): Promise<readonly unknown[]> => {
    const response = await fetch(server.url + path, { method });
    const body = await response.text();
    const headers = [...response.headers].filter(([name]) => !OF_THE_CONNECTION.has(name));
    const length = response.headers.get("content-length");
    expect([path, method === "HEAD" ? "" : String(Buffer.byteLength(body))]).toEqual([
      path,
      method === "HEAD" ? body : length,
    ]);
    return [response.status, headers];
  };

  test.each([
    "/healthz",
    "/readyz",
    "/v1/logs",
    "/v1/logs/audit/records",
    "/openapi.json",
    "/v1/stream",
    "/v1/logs/audit/records/999",
    "/nothing",
    "/v1/logs/audit/groups",
  ])("%s: as GET, without a body", async (path) => {
    expect(await statusAndHeaders("HEAD", path)).toEqual(await statusAndHeaders("GET", path));
  });

  test("a blob: its headers, and the connection goes on", async () => {
    const bytes = Buffer.alloc(200_000, "x");
    const digest = createHash("sha256").update(bytes).digest("hex");
    const path = `/v1/logs/audit/blobs/${digest}`;
    await fetch(server.url + path, { method: "PUT", body: bytes });
    const answer = await raw(
      request(`HEAD ${path}`, []) + request("GET /healthz", ["connection: close"]),
    );
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(answer.toLowerCase()).toContain("content-length: 200000");
    expect(answer).not.toContain("xxx");
  });

  test("is refused with the methods that there are where there is no GET", async () => {
    const response = await fetch(`${server.url}/v1/logs/audit/transfer-leadership`, {
      method: "HEAD",
    });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    const other = await fetch(`${server.url}/healthz`, { method: "POST" });
    expect([other.status, other.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });
});

describe("Expect", () => {
  const EXPECT = ["expect: 100-continue", "connection: close"];
  const JSON_TYPE = "content-type: application/json";

  test.each([
    ["a body beyond the cap", APPEND, [JSON_TYPE, "content-length: 70000"], 413],
    ["another type", APPEND, ["content-type: text/plain", "content-length: 10"], 415],
    ["another encoding", APPEND, [JSON_TYPE, "content-encoding: br", "content-length: 10"], 415],
    ["another origin", APPEND, [JSON_TYPE, "origin: http://evil", "content-length: 10"], 403],
    ["no such route", "POST /nothing", [JSON_TYPE, "content-length: 10"], 404],
    ["no such method", "POST /healthz", [JSON_TYPE, "content-length: 10"], 405],
    ["a small body that is large", "POST /v1/logs", [JSON_TYPE, "content-length: 5000"], 413],
    [
      "a blob beyond the cap",
      `PUT /v1/logs/audit/blobs/${"0".repeat(64)}`,
      ["content-length: 2000000"],
      413,
    ],
    ["a transfer coding", APPEND, [JSON_TYPE, "transfer-encoding: gzip, chunked"], 501],
  ])("%s is refused before the body is asked for", async (_what, start, headers, status) => {
    const answer = await raw(request(start, [...headers, ...EXPECT]));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain("application/problem+json");
  });

  test("a log that is full is refused before the body is asked for", async () => {
    await server.close();
    server = await startTestServer({ maxLogBytes: 1 });
    const held = Promise.withResolvers<void>();
    server.service.beforeAppend = () => held.promise;
    const first = raw(append("connection: close"));
    await expect.poll(() => server.service.appends.length).toBe(1);
    const second = await raw(request(APPEND, [JSON_TYPE, "content-length: 10", ...EXPECT]));
    expect(second).toMatch(/^HTTP\/1\.1 429 /);
    held.resolve();
    expect(await first).toContain("HTTP/1.1 200");
  });

  test("100 comes when the body may come, and the answer after it", async () => {
    const socket = connect(Number(server.url.split(":").at(-1)), "127.0.0.1");
    socket.setEncoding("utf8");
    socket.write(request(APPEND, [JSON_TYPE, `content-length: ${BODY.length}`, ...EXPECT]));
    const [early] = (await once(socket, "data")) as [string];
    expect(early).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    socket.write(BODY);
    const [late] = (await once(socket, "data")) as [string];
    expect(late).toContain("HTTP/1.1 200");
  });

  test.each(["200-maybe", "100-continue, x", "*"])("%s is 417, by name", async (expectation) => {
    const answer = await raw(append(`expect: ${expectation}`));
    expect(answer).toMatch(/^HTTP\/1\.1 417 /);
    expect(answer).toContain('"code":"ERR_EXPECTATION_FAILED"');
    expect(server.service.appends).toEqual([]);
  });
});

test.each(["gzip", "gzip, chunked", "identity", "chunked, gzip", "x"])(
  "Transfer-Encoding: %s is refused by name, and nothing is accepted",
  async (coding) => {
    const body = `5\r\nhello\r\n0\r\n\r\n`;
    const text = request(
      APPEND,
      ["content-type: application/json", `transfer-encoding: ${coding}`],
      body,
    );
    const answer = await raw(text);
    expect(answer).toMatch(/^HTTP\/1\.1 501 /);
    expect(answer).toContain('"code":"ERR_TRANSFER_ENCODING_UNSUPPORTED"');
    expect(server.service.appends).toEqual([]);
  },
);
