/**
 * Goal: nobody gets more of the node than the caps say, at their smallest legal values, and is told so with a code and when to come back.
 * Method: a real HTTP server over a node in memory, plain sockets.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { MemoryService, startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { afterEach, expect, test } from "vitest";

let server: TestServer;
afterEach(() => server.close());

const BODY = JSON.stringify({ actor: { id: "ada" }, action: "a.b" });

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly code?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

async function append(log: string, body: string = BODY): Promise<Answer> {
  const response = await fetch(`${server.url}/v1/logs/${log}/records`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const { code, details } = (await response.json()) as Answer;
  const retryAfter = response.headers.get("retry-after");
  const refusal = code === undefined || details === undefined ? {} : { code, details };
  return { status: response.status, retryAfter, ...refusal };
}

/** Appends are held until the result is called. */
function holdAppends(): () => void {
  const blocked = Promise.withResolvers<void>();
  server.service.beforeAppend = () => blocked.promise;
  return () => blocked.resolve();
}

function open(): { socket: Socket; closed: Promise<string> } {
  const socket = connect(Number(server.url.split(":").at(-1)), "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => (text += part));
  socket.on("error", () => undefined);
  return { socket, closed: once(socket, "close").then(() => text) };
}

const HEAD =
  "POST /v1/logs/audit/records HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

test("beyond the budget of a log: 429 with Retry-After, and other logs go on", async () => {
  server = await startTestServer({ maxLogBytes: 1 }, new MemoryService(["audit", "orders"]));
  const release = holdAppends();
  const held = append("audit");
  await expect.poll(() => server.service.appends.length).toBe(1);
  const refused = await append("audit");
  expect(refused).toMatchObject({ status: 429, code: "ERR_OVERLOADED" });
  expect(refused.details).toMatchObject({ heldBytes: BODY.length, capBytes: 1 });
  expect(refused.retryAfter).toBe("1");
  const other = append("orders");
  await expect.poll(() => server.service.appends.length).toBe(2);
  release();
  expect([(await held).status, (await other).status]).toEqual([200, 200]);
  await expect.poll(async () => (await append("audit")).status).toBe(200);
});

test("beyond the budget of the node: 503 with Retry-After, whichever log it is for", async () => {
  server = await startTestServer({ maxNodeBytes: 1 }, new MemoryService(["audit", "orders"]));
  const release = holdAppends();
  const held = append("audit");
  await expect.poll(() => server.service.appends.length).toBe(1);
  const refused = await append("orders");
  expect(refused).toMatchObject({ status: 503, code: "ERR_NODE_OVERLOADED" });
  expect(refused.details?.["retryAfterMs"]).toBeGreaterThanOrEqual(1_000);
  expect(refused.retryAfter).not.toBeNull();
  release();
  expect((await held).status).toBe(200);
  await expect.poll(async () => (await append("orders")).status).toBe(200);
});

test("a refused body is not read to its end when it is large", async () => {
  server = await startTestServer({ maxLogBytes: 1, body: { maxBytes: 1 << 30 } });
  const release = holdAppends();
  const held = append("audit");
  await expect.poll(() => server.service.appends.length).toBe(1);
  const { socket, closed } = open();
  socket.write(`${HEAD}content-length: ${1 << 29}\r\n\r\n`);
  const answer = await closed;
  expect(answer).toContain("HTTP/1.1 429");
  expect(answer.toLowerCase()).toContain("connection: close");
  release();
  await held;
});

test.each([
  ["content-length: 9\r\n\r\n{"],
  ["transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"],
  ["content-encoding: gzip\r\ncontent-length: 9\r\n\r\n{"],
])("a body that stands still gets 408, and its room is free again: %j", async (rest) => {
  server = await startTestServer({ body: { minRate: 1, graceMs: 1 }, maxLogBytes: 1 });
  const { socket, closed } = open();
  socket.write(HEAD + rest);
  const answer = await closed;
  expect(answer).toContain("HTTP/1.1 408");
  expect(answer).toContain("ERR_UPLOAD_TOO_SLOW");
  await expect.poll(async () => (await append("audit")).status).toBe(200);
  expect(server.service.appends).toHaveLength(1);
});

test("a body that moves fast enough may take longer than the grace", async () => {
  server = await startTestServer({ body: { minRate: 1, graceMs: 1_000 } });
  const { socket, closed } = open();
  socket.write(`${HEAD}connection: close\r\ncontent-length: ${BODY.length}\r\n\r\n`);
  for (const letter of BODY) {
    socket.write(letter);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await closed).toContain("HTTP/1.1 200");
});

test("a body that is not here in time gets 408", async () => {
  server = await startTestServer({ body: { timeoutMs: 1 } });
  const { socket, closed } = open();
  socket.write(`${HEAD}content-length: 9\r\n\r\n{`);
  const answer = await closed;
  expect(answer).toContain("HTTP/1.1 408");
  expect(answer).toContain("ERR_REQUEST_TIMEOUT");
});

test("a head that is not here in time gets 408", async () => {
  server = await startTestServer({ headersTimeoutMs: 1 });
  const { socket, closed } = open();
  socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n");
  const answer = await closed;
  expect(answer).toContain("HTTP/1.1 408");
  expect(answer).toContain("ERR_REQUEST_TIMEOUT");
});

test("a connection that keeps coming back too early is answered later, at the latest when the node ends", async () => {
  server = await startTestServer({ maxLogBytes: 1 });
  const release = holdAppends();
  const held = append("audit");
  await expect.poll(() => server.service.appends.length).toBe(1);
  const { socket, closed } = open();
  const request = `${HEAD}content-length: ${BODY.length}\r\n\r\n${BODY}`;
  for (let k = 0; k < 4; k++) {
    socket.write(request);
    await once(socket, "data");
  }
  socket.write(request);
  // Whatever was sent before is in the server's hands when this is answered.
  for (let k = 0; k < 2; k++) await (await fetch(`${server.url}/healthz`)).text();
  expect(server.desk.read().node.refused).toEqual({ ERR_OVERLOADED: 4 });
  release();
  expect((await held).status).toBe(200);
  await server.close();
  expect((await closed).match(/HTTP\/1\.1 429/g)).toHaveLength(5);
});

const CHUNK = `${BODY.length.toString(16)}\r\n${BODY}\r\n`;

/** An append of unknown length of which so many bodies' worth is here, and the end is not. */
function unfinished(chunks: number): { socket: Socket; closed: Promise<string> } {
  const connection = open();
  connection.socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n${CHUNK.repeat(chunks)}`);
  return connection;
}

test("a body of unknown length takes room as it comes in, not that of the largest there may be", async () => {
  server = await startTestServer({ maxLogBytes: 128 * 1024, maxNodeBytes: 128 * 1024 });
  const held = (): number => server.desk.read().node.buffered.bytes.current;
  const stalled = Array.from({ length: 8 }, () => unfinished(1));
  const { requests } = server.desk.read().node.buffered;
  expect(requests.cap).toBeGreaterThan(8);
  await expect.poll(() => server.desk.read().node.buffered.requests.current).toBe(8);
  await expect.poll(held).toBeGreaterThan(0);
  // Eight of the largest bodies that this server takes would be four times the cap.
  expect(held()).toBeLessThan(128 * 1024);
  expect((await append("audit")).status).toBe(200);
  for (const { socket } of stalled) socket.write("0\r\n\r\n");
  await expect.poll(() => server.service.appends.length).toBe(9);
  expect(server.service.appends.every(({ body }) => body.length === BODY.length)).toBe(true);
  for (const { socket } of stalled) socket.destroy();
  await expect.poll(held).toBe(0);
});

test("a body of unknown length holds no more than it has once all of it is here", async () => {
  server = await startTestServer();
  const release = holdAppends();
  const { socket } = unfinished(1);
  socket.write("0\r\n\r\n");
  await expect.poll(() => server.service.appends.length).toBe(1);
  expect(server.desk.read().node.buffered.bytes.current).toBe(BODY.length);
  release();
  socket.destroy();
});

test("a body of unknown length that finds no more room is refused by name, and gives back what it held", async () => {
  server = await startTestServer({ maxLogBytes: 20 * 1024, maxNodeBytes: 1 << 20 });
  const first = unfinished(100);
  await expect.poll(() => server.desk.read().node.buffered.bytes.current).toBeGreaterThan(0);
  const second = unfinished(1000);
  expect(await second.closed).toContain('"code":"ERR_OVERLOADED"');
  first.socket.destroy();
  await expect.poll(() => server.desk.read().node.buffered.bytes.current).toBe(0);
  expect((await append("audit")).status).toBe(200);
});

test("bodies that stand still give way to one that finds no room, by name", async () => {
  server = await startTestServer({ maxLogBytes: 40 * 1024, maxNodeBytes: 40 * 1024 });
  const stalled = Array.from({ length: 8 }, () => unfinished(100));
  await expect
    .poll(() => server.desk.read().node.buffered.bytes.current)
    .toBeGreaterThan(30 * 1024);
  const large = JSON.stringify(
    Array.from({ length: 400 }, () => ({ actor: { id: "ada" }, action: "a.b" })),
  );
  await expect.poll(async () => (await append("audit", large)).status, { timeout: 5000 }).toBe(200);
  expect(await Promise.race(stalled.map(({ closed }) => closed))).toMatch(
    /^HTTP\/1\.1 (408|429|503) /,
  );
  for (const { socket } of stalled) socket.destroy();
  await expect.poll(() => server.desk.read().node.buffered.bytes.current).toBe(0);
});

test("announced bodies that never come give way, too", async () => {
  server = await startTestServer({ maxLogBytes: 40 * 1024, maxNodeBytes: 40 * 1024 });
  const { socket, closed } = open();
  socket.write(`${HEAD}content-length: 40000\r\n\r\n[`);
  await expect.poll(() => server.desk.read().node.buffered.bytes.current).toBe(40_000);
  await expect.poll(async () => (await append("audit")).status).toBe(200);
  await expect
    .poll(async () => (await append("audit", " ".repeat(30_000) + BODY)).status, { timeout: 5000 })
    .toBe(200);
  const answer = await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(answer).toContain("ERR_UPLOAD_TOO_SLOW");
  expect(answer).toContain("stood still");
});

test("a client that goes away in the middle of its body is no fault of the node", async () => {
  server = await startTestServer();
  const gone = Array.from({ length: 5 }, () => unfinished(10));
  await expect.poll(() => server.desk.read().node.buffered.bytes.current).toBeGreaterThan(0);
  for (const { socket } of gone) socket.resetAndDestroy();
  await expect.poll(() => server.desk.read().node.buffered.requests.current).toBe(0);
  expect((await append("audit")).status).toBe(200);
  expect(server.faults).toEqual([]);
});
